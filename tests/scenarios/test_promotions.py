"""Stories of promotions: what a purchase is worth where, when and to whom."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.scenarios.door import Door

AUCKLAND = ZoneInfo("Pacific/Auckland")


def _must(door: Door, method: str, path: str, body: object = None) -> dict[str, Any]:
    answer = door.call(method, path, body)
    assert answer.status_code < 400, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _publish(door: Door, key: str, rule: dict[str, Any], **more: object) -> None:
    """A promotion of the program "wine", in force from its start."""
    _must(
        door, "POST", "/programs/wine/promotions", {"key": key, "name": key, "rule": rule, **more}
    )
    _must(door, "POST", f"/programs/wine/promotions/{key}/publish")


def _points(door: Door, at: datetime, retailer: str, *skus: str, each: str = "2") -> int:
    """What Ann earns for one of each product, at `each` USD, and every promotion's part agrees."""
    answer = door.post(
        {
            "source": "till-1",
            "transaction_id": uuid4().hex,
            "member_id": "ann",
            "amount": str(int(each) * len(skus)),
            "currency": "USD",
            "occurred_at": at.isoformat(),
            "retailer": retailer,
            "items": [
                {"line_id": str(number), "sku": sku, "amount": each}
                for number, sku in enumerate(skus)
            ],
        }
    )
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "awarded"), answer.text
    assert sum(share["points"] for share in told["explanation"]["given"]) == told["points"]
    points: int = told["points"]
    return points


def _open_shops(door: Door) -> None:
    door.open_program("wine")
    door.enrol("ann")
    for sku, category in (("rye", "food/bread/rye"), ("wine", "drinks/wine")):
        _must(door, "POST", "/products", {"sku": sku, "name": sku, "category": category})
    for name, region, zone in (
        ("harbour", "north", "Pacific/Auckland"),
        ("hill", "north", "Pacific/Auckland"),
        ("station", "south", "Pacific/Auckland"),
        ("airport", "north", "America/Los_Angeles"),
    ):
        body = {"id": name, "name": name, "region": region, "time_zone": zone}
        _must(door, "POST", "/retailers", body)


def test_a_product_at_a_retailer_in_a_region_on_a_day_there(sandbox: Door) -> None:
    _open_shops(sandbox)
    day = sandbox.now().astimezone(AUCKLAND).date() + timedelta(days=2)
    when = [
        {"category": ["food/bread"]},
        {"retailer": ["harbour", "station", "airport"]},
        {"region": ["north"]},
        {"dates": {"from": day.isoformat(), "to": day.isoformat()}},
    ]
    rule = {"when": {"all": when}, "rates": {"USD": {"points": 100, "per": "1"}}, "instead": True}
    _publish(sandbox, "bread-day", rule)
    sandbox.advance("P5D")

    dawn = datetime.combine(day, time(), AUCKLAND)
    dusk = datetime.combine(day + timedelta(days=1), time(), AUCKLAND)
    second = timedelta(seconds=1)
    assert _points(sandbox, dawn - second, "harbour", "rye") == 2
    assert _points(sandbox, dawn, "harbour", "rye") == 200
    assert _points(sandbox, dusk - second, "harbour", "rye") == 200
    assert _points(sandbox, dusk, "harbour", "rye") == 2
    assert _points(sandbox, dawn, "harbour", "rye", "wine") == 202  # the bread alone counts
    assert _points(sandbox, dawn, "harbour", "wine") == 2
    assert _points(sandbox, dawn, "hill", "rye") == 2  # another retailer
    assert _points(sandbox, dawn, "station", "rye") == 2  # another region
    assert _points(sandbox, dawn, "airport", "rye") == 2  # there it is the day before
    assert _points(sandbox, dusk, "airport", "rye") == 200
    assert sandbox.standing("ann")[0] == 814


def test_a_new_version_takes_over_at_its_start_whenever_purchases_arrive(sandbox: Door) -> None:
    _open_shops(sandbox)
    when = {"all": [{"sku": ["rye"]}, {"retailer": ["harbour"]}]}

    def rule(points: int) -> dict[str, Any]:
        rates = {"USD": {"points": points, "per": "1"}}
        return {"when": when, "rates": rates, "instead": True}

    june = sandbox.now()
    _publish(sandbox, "rye", rule(100))
    mid_july = sandbox.now() + timedelta(days=45)
    _must(
        sandbox,
        "POST",
        "/programs/wine/promotions/rye/versions",
        {"rule": rule(300), "starts_at": mid_july.isoformat()},
    )
    _must(sandbox, "POST", "/programs/wine/promotions/rye/publish")
    sandbox.advance("P60D")  # it is August

    second = timedelta(seconds=1)
    assert _points(sandbox, june - second, "harbour", "rye", each="1") == 1  # not yet in force
    assert _points(sandbox, mid_july - second, "harbour", "rye", each="1") == 100
    assert _points(sandbox, mid_july, "harbour", "rye", each="1") == 300
    assert _points(sandbox, mid_july + timedelta(days=1), "harbour", "rye", each="1") == 300
    _must(sandbox, "POST", "/programs/wine/promotions/rye/end", {"reason": "autumn"})
    ended = sandbox.now()
    assert _points(sandbox, mid_july + timedelta(days=2), "harbour", "rye", each="1") == 300
    assert _points(sandbox, ended + timedelta(seconds=5), "harbour", "rye", each="1") == 1


def test_a_draft_whose_fixture_fails_is_mended_and_published(sandbox: Door) -> None:
    _open_shops(sandbox)
    fixture = {
        "purchase": {"items": [{"sku": "rye", "amount": "17"}, {"sku": "wine", "amount": "3"}]},
        "points": 37,
        "because": {"standing": 20, "bread": 17},
    }
    draft = {
        "key": "bread",
        "name": "Bread counts double",
        "rule": {"when": {"category": ["food/meat"]}, "multiplier": "2"},
        "fixtures": [fixture],
    }
    _must(sandbox, "POST", "/programs/wine/promotions", draft)
    refused = sandbox.call("POST", "/programs/wine/promotions/bread/publish")
    assert (refused.status_code, refused.json()["code"]) == (409, "fixtures_failed")
    assert refused.json()["errors"][0] == {
        "pointer": "/fixtures/0/points",
        "code": "wrong_points",
        "detail": "37 points were expected, 20 came: standing 20.",
    }
    assert _points(sandbox, sandbox.now(), "harbour", "rye") == 2

    mended = {"rule": {"when": {"category": ["food"]}, "multiplier": "2"}}
    _must(sandbox, "PATCH", "/programs/wine/promotions/bread", mended)
    told = _must(sandbox, "POST", "/programs/wine/promotions/bread/check")
    assert (told["passed"], told["fixtures"][0]["because"]) == (True, fixture["because"])
    _must(sandbox, "POST", "/programs/wine/promotions/bread/publish")
    assert _points(sandbox, sandbox.now(), "harbour", "rye") == 4


def test_only_who_is_in_the_segment_earns_more(door: Door) -> None:
    for name in ("ann", "bob"):
        door.enrol(name)
    _must(door, "POST", "/programs/wine/segments", {"key": "vip", "name": "VIP"})
    _must(door, "POST", "/programs/wine/segments/vip/members", {"add": ["ann"]})
    rich = {"key": "rich", "name": "Rich", "condition": {"points": {"at_least": 100}}}
    _must(door, "POST", "/programs/wine/segments", rich)
    when = {"segment": ["vip", "rich"]}
    _publish(door, "vip", {"when": when, "multiplier": "3"})
    at = door.now()
    assert [door.buy(name, "10", at=at).json()["points"] for name in ("ann", "bob")] == [30, 10]
    assert door.adjust("bob", 90).status_code == 201
    assert door.buy("bob", "10", at=at).json()["points"] == 30


def test_what_the_catalogue_does_not_know_is_refused_where_the_program_says_so(door: Door) -> None:
    door.enrol("ann")
    _must(door, "POST", "/products", {"sku": "rye", "name": "Rye"})
    _must(door, "POST", "/retailers", {"id": "harbour", "name": "Harbour"})

    def told(sku: str, retailer: str) -> tuple[str, str | None, int | None]:
        answer = door.post(
            {
                "source": "till-1",
                "transaction_id": uuid4().hex,
                "member_id": "ann",
                "amount": "5",
                "currency": "USD",
                "occurred_at": door.now().isoformat(),
                "retailer": retailer,
                "items": [{"line_id": "1", "sku": sku, "amount": "5"}],
            }
        ).json()
        return answer["status"], answer.get("reason"), answer.get("points")

    assert told("fish", "nowhere") == ("awarded", None, 5)
    strict = {"unknown_product": "reject", "unknown_retailer": "reject"}
    _must(door, "PATCH", "/programs/wine", strict)
    assert told("rye", "harbour") == ("awarded", None, 5)
    assert told("fish", "harbour")[:2] == ("rejected", "unknown_product")
    assert told("rye", "nowhere")[:2] == ("rejected", "unknown_retailer")
    assert door.standing("ann")[0] == 10
