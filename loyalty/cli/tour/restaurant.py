"""The restaurant: returns, debts, friends, people who help, and a till that miscounts."""

from __future__ import annotations

from loyalty.cli.tour.guide import Guide


def show(guide: Guide) -> None:
    """Wine & Dine: 100 USD are 5 points, tax earns nothing, 1000 points pay 10 USD."""
    guide.open(
        "wine-and-dine",
        "Wine & Dine, a restaurant",
        earn_rate={"points": 5, "per": "100", "excludes": ["tax"]},
        give_back="owed",
        support_adjusts_up_to=100,
    )
    guide.enrol("ben", "cleo")
    _purchase(guide)
    _return(guide)
    _stranger(guide)
    _friends(guide)
    _suspension(guide)
    _care(guide)
    _totals(guide)
    _correction(guide)


def _purchase(guide: Guide) -> None:
    body = {
        "source": "till-1",
        "transaction_id": "trial",
        "member_id": "ben",
        "amount": "250.00",
        "currency": "USD",
        "tax": "50.00",
        "occurred_at": guide.now().isoformat(),
    }
    tried = guide.post("/earns?dry_run=true", body, by=guide.shop)
    bought = guide.post("/earns", body, by=guide.shop)
    again = guide.post("/earns", body, by=guide.shop)
    guide.tell(
        "Dry run, purchase, repeat",
        f"{tried['points']}, {bought['points']} and still {again['points']} points. "
        f"{bought['explanation']['sentence']}",
    )
    guide.prove("ben")


def _return(guide: Guide) -> None:
    meal = guide.buy("cleo", "300.00", ("menu", "3", "300.00"))
    guide.redeem("cleo", points=15)
    for number in (1, 2, 3):
        body = {
            "source": "till-1",
            "transaction_id": meal["transaction_id"],
            "return_id": f"guest-{number}",
            "lines": [{"line_id": "1", "quantity": 1}],
        }
        guide.post("/returns", body, by=guide.shop)
    owed = guide.points("cleo")["owed"]
    guide.tell(
        "Returns",
        f"three menus earned {meal['points']}, were spent, and came back one by one: "
        f"{owed} points are owed",
    )
    guide.prove("cleo", 3)
    guide.buy("cleo", "400.00")
    left = guide.points("cleo")
    guide.tell("Debt", f"the next 20 points paid it: {left['available']} left, {left['owed']} owed")
    guide.prove("cleo", 2)
    early = {"source": "till-1", "transaction_id": "early", "return_id": "early-1"}
    told = guide.post("/returns", early, by=guide.shop)
    guide.buy("ben", "100.00", transaction_id="early")
    guide.until_newest_is("reverse", "ben")
    guide.tell("Return first", f"it was {told['status']} for its purchase, and took it all back")
    guide.prove("ben", 2)


def _stranger(guide: Guide) -> None:
    parked = guide.buy("dora", "100.00")
    guide.enrol("dora")
    guide.until(lambda: guide.points("dora")["available"] > 0, "what was parked")
    guide.tell("Stranger", f"bought while unknown ({parked['reason']}), then joined")
    guide.prove("dora")


def _friends(guide: Guide) -> None:
    promise = {"active": True, "referrer_points": 50, "referred_points": 20, "least_amount": "5"}
    guide.admin.must("PUT", f"{guide.path}/referrals/settings", promise)
    code = guide.post("/members/ben/referral-code", {})["code"]
    guide.enrol("emil", referral_code=code)
    bought = guide.buy("emil", "80.00")
    until_paid = "the points for bringing a friend"
    guide.until(lambda: guide.points("emil")["available"] > bought["points"], until_paid)
    guide.tell("Referral", "Ben brought Emil, who bought: 50 points for one and 20 for the other")
    guide.prove("emil")


def _suspension(guide: Guide) -> None:
    guide.post("/members/cleo/suspend", {"reason": "a stolen card"}, by=guide.support)
    left = guide.points("cleo")["available"]
    parked = guide.buy("cleo", "100.00")
    code = guide.refused("/members/cleo/redemptions", {"points": 1}, by=guide.shop)
    guide.post("/members/cleo/reinstate", {"reason": "found again"}, by=guide.support)
    guide.until(lambda: guide.points("cleo")["available"] > left, "what was parked")
    guide.tell("Suspension", f"a purchase waits ({parked['reason']}), a burn is 409 {code}")
    guide.prove("cleo")


def _care(guide: Guide) -> None:
    asked = guide.post(
        "/members/ben/adjustments", {"points": 500, "reason": "a wedding"}, by=guide.support
    )
    guide.post(f"/adjustment-requests/{asked['id']}/approve", {}, within=False)
    guide.tell("Two people", "Sue may give 100; her 500 waited until Max approved them")
    guide.prove("ben")
    gift = {"from": "ben", "to": "emil", "points": 200, "reason": "happy birthday"}
    guide.post("/transfers", gift)
    guide.tell("Transfer", "Ben gives Emil 200 points; both sides or none")
    guide.prove("ben")
    guide.prove("emil")
    merged = guide.post("/members/dora/merge", {"into": "ben", "reason": "two cards"}, within=False)
    guide.tell("Merge", f"Dora was Ben's second card: {len(merged['programs'])} program absorbed")
    guide.prove("ben")
    guide.post(f"/merges/{merged['id']}/undo", {"reason": "a namesake"}, within=False)
    again = guide.points("dora")["available"]
    guide.tell("Undone", f"nothing had happened since: Dora has her {again} points again")
    guide.prove("dora")


def _totals(guide: Guide) -> None:
    today = guide.now().date().isoformat()
    told = guide.shop.must(
        "PUT",
        f"/sources/till-1/totals/{today}",
        {"program": "wine-and-dine", "count": 99, "amount": "9999.00"},
    )
    guide.tell(
        "Totals",
        f"the till says 99 purchases, {told['taken']['count']} came: "
        f"{-told['difference']['count']} are missing",
    )


def _correction(guide: Guide) -> None:
    wine = {"key": "wine", "name": "Wine of the day", "rule": {"fixed": 50}}
    guide.post("/promotions", wine)
    guide.post("/promotions/wine/publish", {})
    wrong = guide.buy("emil", "20.00")
    guide.post("/promotions/wine/versions", {"rule": {"fixed": 5}})
    guide.post("/promotions/wine/publish", {})
    run = guide.post(
        "/re-evaluations",
        {
            "reason": "50 was a typing error",
            "from": wrong["occurred_at"],
            "until": guide.now().isoformat(),
            "promotion": "wine",
            "version": 2,
        },
    )
    path = f"/re-evaluations/{run['id']}"
    guide.until(lambda: guide.get(path, within=False)["status"] == "done", "the re-evaluation")
    taken = guide.get(path, within=False)["taken"]
    guide.tell("Re-evaluation", f"{wrong['points']} points were {taken} too many: put right, once")
    guide.prove("emil")
