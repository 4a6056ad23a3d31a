"""The brewery: a catalogue, promotions with limits, a campaign, rewards, holds, points that end."""

from __future__ import annotations

from loyalty.cli.tour.guide import JSON, Guide

_STOUT = ("stout", "2", "12.00")


def show(guide: Guide) -> None:
    """Hop House: 1 USD is 1 point, points live for a year."""
    guide.open("hop-house", "Hop House, a brewery", expiry={"kind": "days", "n": 365})
    guide.enrol("ada")
    _catalogue(guide)
    _promotions(guide)
    _desk(guide)
    _campaign(guide)
    _rewards(guide)
    _refusal(guide)
    _expiry(guide)


def _catalogue(guide: Guide) -> None:
    beers = [
        {"sku": "stout", "name": "Stout", "category": "beer/dark", "brand": "Hop House"},
        {"sku": "lager", "name": "Lager", "category": "beer/pale", "brand": "Hop House"},
    ]
    listed = guide.post("/products/batch", {"products": beers}, within=False)["summary"]
    shop = {"id": "dock", "name": "Dock Street", "region": "north", "time_zone": "America/New_York"}
    guide.post("/retailers", shop, within=False)
    guide.tell("Catalogue", f"{listed['created']} products, and a shop with a clock of its own")


def _promotions(guide: Guide) -> None:
    rule = {
        "when": {"all": [{"category": ["beer/dark"]}, {"region": ["north"]}]},
        "multiplier": "3",
        "limits": [{"of": "member", "per": "month", "points": 50}],
    }
    fixture = {
        "purchase": {"retailer": "dock", "items": [{"sku": "stout", "amount": "12"}]},
        "points": 36,
        "because": {"dark": 24},
    }
    draft = {"key": "dark", "name": "Dark beer triples", "rule": rule, "fixtures": [fixture]}
    guide.post("/promotions", draft)
    guide.post("/promotions/dark/publish", {})
    first = guide.buy("ada", "12.00", _STOUT, retailer="dock")
    guide.tell("Promotion", f"{first['points']} points. {first['explanation']['sentence']}")
    guide.prove("ada")
    capped = guide.buy("ada", "24.00", ("stout", "4", "24.00"), retailer="dock")
    guide.tell("Limit", f"{capped['points']} points. {capped['explanation']['sentence']}")
    guide.prove("ada")
    last = guide.buy("ada", "12.00", _STOUT, retailer="dock")
    [none] = [one for one in last["explanation"]["given"] if not one["points"]]
    guide.tell("Why none", f"{none['promotion']}. {none['sentence']}")
    guide.prove("ada")


def _desk(guide: Guide) -> None:
    condition = {"points": {"at_least": 50}}
    segment = {"key": "regulars", "name": "Regulars", "condition": condition}
    size = guide.post("/segments", segment)["size"]
    happy = {"when": {"segment": ["regulars"]}, "fixed": 5}
    guide.post("/promotions", {"key": "happy", "name": "Five for regulars", "rule": happy})
    tried = guide.post("/promotions/happy/rehearse", {})
    guide.tell(
        "Segment and rehearsal",
        f"{size} regular; a draft for regulars, tried on the last 30 days: "
        f"{tried['after']} points instead of {tried['before']}",
    )


def _campaign(guide: Guide) -> None:
    goal = {"key": "six", "name": "Six lagers", "kind": "buy", "when": {"sku": ["lager"]}}
    guide.post("/goals", {**goal, "quantity": "6"})
    rewards: list[JSON] = [{"kind": "points", "points": 100}]
    guide.post(
        "/campaigns", {"key": "crate", "name": "A crate", "goals": ["six"], "rewards": rewards}
    )
    guide.post("/campaigns/crate/publish", {})
    guide.buy("ada", "20.00", ("lager", "4", "20.00"))
    before = guide.points("ada")["lifetime"]
    [half] = guide.get("/members/ada/campaigns")["data"]
    whole = guide.buy("ada", "10.00", ("lager", "2", "10.00"))
    counted = float(half["goals"][0]["counted"])
    guide.tell("Campaign", f"{counted:g} of 6 lagers, then 6 of 6: 100 points, once")
    paid = before + whole["points"] + rewards[0]["points"]
    guide.until(lambda: guide.points("ada")["lifetime"] == paid, "the campaign's points")
    guide.prove("ada")


def _rewards(guide: Guide) -> None:
    mug = {
        "key": "mug",
        "kind": "goods",
        "points": 80,
        "stock": 5,
        "texts": {"en": {"name": "Mug"}},
    }
    guide.post("/rewards", mug)
    tour: JSON = {"key": "tour", "kind": "voucher", "points": 50, "texts": {"en": {"name": "Tour"}}}
    guide.post("/rewards", {**tour, "vouchers": {"from": "generated", "prefix": "HOP-"}})
    voucher = guide.redeem("ada", reward="tour")
    guide.tell("Voucher", f"{voucher['voucher']['code']} for 50 points, handed out once")
    guide.prove("ada")
    held = guide.redeem("ada", reward="mug", hold={"expires_in_s": 900})
    guide.post(f"/redemptions/{held['id']}/capture", {}, within=False, by=guide.shop)
    stock = guide.get("/rewards/mug")["stock"]
    guide.tell("Hold and capture", f"a mug for 80 points; {stock['remaining']} of 5 are left")
    guide.prove("ada", 2)
    body = {"reason": "it leaked"}
    guide.post(f"/redemptions/{held['id']}/cancel", body, within=False, by=guide.support)
    guide.tell("Cancel", "the points are back in the very lots that paid, and the mug in stock")
    guide.prove("ada")
    ordered = guide.redeem("ada", reward="mug")
    steps = [ordered["fulfilment"]]
    for act in ("ship", "deliver"):
        told = guide.post(f"/redemptions/{ordered['id']}/{act}", {}, within=False, by=guide.shop)
        steps.append(told["fulfilment"])
    guide.tell("Goods", f"another mug was {', '.join(steps)}")
    guide.prove("ada")


def _refusal(guide: Guide) -> None:
    code = guide.refused("/members/ada/redemptions", {"points": 10_000}, by=guide.shop)
    guide.tell("Refusal", f"10,000 points are more than there are: 409 {code}, and nothing moved")


def _expiry(guide: Guide) -> None:
    before = guide.points("ada")["available"]
    guide.advance("P366D")
    after = guide.points("ada")["available"]
    guide.until_newest_is("expire", "ada")
    guide.tell("Expiry", f"a year later {before} points have become {after}")
    guide.prove_all("expire", "ada")
