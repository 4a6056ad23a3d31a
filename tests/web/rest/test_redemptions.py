"""Holds, rewards, vouchers, goods and dry runs over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from loyalty.transaction import transaction
from tests.web.rest.caller import Caller, Told

ANN = "/programs/wine/members/ann"
REWARDS = "/programs/wine/rewards"
NAME = {"en": {"name": "It"}}


def give(call: Caller, points: int) -> None:
    body = {"points": points, "reason": "a test"}
    given = call("POST", f"{ANN}/adjustments", body, Idempotency_Key=uuid4().hex)
    assert given.status == 201


def offer(call: Caller, key: str = "it", **more: object) -> None:
    body = {"key": key, "kind": "points_off", "points": 30, "texts": NAME, **more}
    offered = call("POST", REWARDS, body)
    assert offered.status == 201, offered.raw


def redeem(call: Caller, key: str | None = None, **what: object) -> Told:
    return call("POST", f"{ANN}/redemptions", what, Idempotency_Key=key or uuid4().hex)


def hold(call: Caller, **what: object) -> str:
    made = redeem(call, None, **what, hold={"expires_in_s": 600})
    assert (made.status, made.body["status"]) == (201, "held")
    return str(made.body["id"])


def go(call: Caller, redemption: str, act: str, key: str | None = None, **what: object) -> Told:
    return call(
        "POST", f"/redemptions/{redemption}/{act}", what, Idempotency_Key=key or uuid4().hex
    )


def balance(call: Caller) -> dict[str, int]:
    told: dict[str, int] = call("GET", ANN).body["points"]
    return {name: told[name] for name in ("available", "held", "owed")}


def stock(call: Caller, key: str = "it") -> dict[str, int]:
    told: dict[str, int] = call("GET", f"{REWARDS}/{key}").body["stock"]
    return told


def kinds(call: Caller) -> list[str]:
    """The kinds of the member's entries, the oldest first."""
    entries = call("GET", f"{ANN}/entries").body["data"]
    return [one["kind"] for one in reversed(entries)]


def test_points_are_held_and_captured(wine: Caller) -> None:
    give(wine, 100)
    held = redeem(wine, points=40, hold={"expires_in_s": 600})
    assert held.body["balance"] == {"available": 60, "pending": 0, "held": 40, "owed": 0}
    assert held.body["hold_expires_at"] > held.body["occurred_at"]
    path = f"/redemptions/{held.body['id']}"
    assert wine("GET", path).body == {k: v for k, v in held.body.items() if k != "balance"}
    captured = go(wine, held.body["id"], "capture")
    assert (captured.status, captured.body["status"]) == (200, "captured")
    assert balance(wine) == {"available": 60, "held": 0, "owed": 0}
    assert captured.body["balance"] == {"available": 60, "pending": 0, "held": 0, "owed": 0}
    assert kinds(wine) == ["adjust", "hold", "capture"]


def test_a_part_is_captured_and_the_rest_is_free(wine: Caller) -> None:
    give(wine, 100)
    captured = go(wine, hold(wine, points=40), "capture", points=25)
    assert (captured.body["status"], captured.body["points"]) == ("captured", 40)
    assert captured.body["released"] == 15
    assert balance(wine) == {"available": 75, "held": 0, "owed": 0}
    assert kinds(wine) == ["adjust", "hold", "capture", "release"]
    texts = [one["text"] for one in wine("GET", f"{ANN}/entries").body["data"]]
    assert texts[:3] == [
        "15 points no longer set aside",
        "25 points spent from what was set aside",
        "40 points set aside",
    ]


def test_a_hold_is_released(wine: Caller) -> None:
    give(wine, 100)
    released = go(wine, hold(wine, points=40), "release")
    assert (released.body["status"], released.body["released"]) == ("released", 40)
    assert balance(wine) == {"available": 100, "held": 0, "owed": 0}


def test_what_was_spent_is_cancelled_in_parts_and_whole(wine: Caller) -> None:
    give(wine, 100)
    burn = redeem(wine, points=60).body["id"]
    part = go(wine, burn, "cancel", points=20, reason="one came back")
    assert (part.body["status"], part.body["cancelled"]) == ("partly_cancelled", 20)
    assert go(wine, burn, "cancel", points=41).refusal == (422, "too_many_points")
    rest = go(wine, burn, "cancel")
    assert (rest.body["status"], rest.body["cancelled"]) == ("cancelled", 60)
    assert balance(wine) == {"available": 100, "held": 0, "owed": 0}
    captured = hold(wine, points=10)
    go(wine, captured, "capture")
    assert go(wine, captured, "cancel").body["status"] == "cancelled"
    assert balance(wine) == {"available": 100, "held": 0, "owed": 0}


@pytest.mark.parametrize(
    ("ways", "act"),
    [
        ([], "capture"),
        ([], "release"),
        ([], "ship"),
        (["hold"], "cancel"),
        (["hold"], "deliver"),
        (["hold", "capture"], "capture"),
        (["hold", "capture"], "release"),
        (["hold", "release"], "capture"),
        (["hold", "release"], "cancel"),
        (["cancel"], "cancel"),
    ],
)
def test_what_the_state_forbids_is_a_409(wine: Caller, ways: list[str], act: str) -> None:
    give(wine, 100)
    one = hold(wine, points=10) if "hold" in ways else redeem(wine, points=10).body["id"]
    for way in ways:
        if way != "hold":
            assert go(wine, one, way).status == 200
    before = wine("GET", f"/redemptions/{one}").body, balance(wine)
    assert go(wine, one, act).refusal == (409, "wrong_state")
    assert (wine("GET", f"/redemptions/{one}").body, balance(wine)) == before


@pytest.mark.parametrize("act", ["capture", "release", "cancel", "ship", "deliver"])
def test_every_act_needs_a_key_and_a_redemption(wine: Caller, act: str) -> None:
    path = f"/redemptions/{uuid4()}/{act}"
    assert wine("POST", path, {}).refusal == (400, "idempotency_key_missing")
    assert wine("POST", path, {}, Idempotency_Key="k").refusal == (404, "not_found")
    assert wine("POST", path, {}, member="ann").refusal == (403, "forbidden")


def test_an_act_is_done_once_per_key(wine: Caller) -> None:
    give(wine, 100)
    one = hold(wine, points=10)
    first, again = go(wine, one, "capture", "k"), go(wine, one, "capture", "k")
    assert (again.status, again.raw) == (200, first.raw)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert go(wine, one, "capture", "k", points=3).refusal == (422, "idempotency_mismatch")
    refused = go(wine, one, "release", "r")
    assert refused.refusal == (409, "wrong_state")
    assert go(wine, one, "release", "r").raw == refused.raw


def test_a_reward_is_redeemed(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, worth="5", money="2.5", stock=2)
    made = redeem(wine, reward="it")
    assert made.status == 201
    told = {name: made.body[name] for name in ("status", "points", "amount", "money", "reward")}
    assert told == {
        "status": "redeemed",
        "points": 30,
        "amount": "5.00",
        "money": "2.50",
        "reward": "it",
    }
    assert made.body["balance"]["available"] == 70
    [entry, _] = wine("GET", f"{ANN}/entries").body["data"]
    assert entry["text"] == "30 points spent on it, worth 5.00 USD"
    assert stock(wine) == {"total": 2, "remaining": 1}
    assert redeem(wine, reward="it").status == 201
    assert redeem(wine, reward="it").refusal == (409, "out_of_stock")
    assert balance(wine)["available"] == 40
    assert redeem(wine, reward="none").refusal == (404, "no_such_reward")


def test_a_refusal_of_a_reward_is_told_again(wine: Caller) -> None:
    give(wine, 29)
    offer(wine, stock=1)
    first = redeem(wine, key="k", reward="it")
    assert first.refusal == (409, "insufficient_points")
    give(wine, 100)
    assert redeem(wine, key="k", reward="it").raw == first.raw
    assert stock(wine) == {"total": 1, "remaining": 1}
    assert redeem(wine, key="k", points=1).refusal == (422, "idempotency_mismatch")


def test_stock_comes_back_when_a_hold_is_released_or_goods_are_cancelled(wine: Caller) -> None:
    give(wine, 300)
    offer(wine, kind="goods", stock=3)
    held = hold(wine, reward="it")
    assert stock(wine)["remaining"] == 2
    go(wine, held, "release")
    assert stock(wine)["remaining"] == 3
    ordered, shipped = (redeem(wine, reward="it").body["id"] for _ in range(2))
    go(wine, shipped, "ship")
    assert stock(wine)["remaining"] == 1
    go(wine, ordered, "cancel")
    assert stock(wine)["remaining"] == 2
    go(wine, shipped, "cancel")
    assert stock(wine) == {"total": 3, "remaining": 2}  # it is with the member


def test_goods_are_ordered_shipped_and_delivered(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, kind="goods")
    made = redeem(wine, reward="it")
    assert made.body["fulfilment"] == "ordered"
    assert go(wine, made.body["id"], "deliver").refusal == (409, "wrong_state")
    shipped = go(wine, made.body["id"], "ship", tracking="DHL 1")
    assert (shipped.body["fulfilment"], shipped.body["tracking"]) == ("shipped", "DHL 1")
    assert go(wine, made.body["id"], "deliver").body["fulfilment"] == "delivered"
    assert go(wine, made.body["id"], "ship").refusal == (409, "wrong_state")
    held = hold(wine, reward="it")
    assert "fulfilment" not in wine("GET", f"/redemptions/{held}").body
    assert go(wine, held, "capture").body["fulfilment"] == "ordered"
    assert go(wine, hold(wine, reward="it"), "capture", points=1).refusal == (422, "not_in_parts")


def test_what_was_held_before_a_reward_ended_is_captured(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, kind="voucher", vouchers={"from": "generated"})
    held = hold(wine, reward="it")
    assert wine("DELETE", f"{REWARDS}/it").status == 200
    assert redeem(wine, reward="it").refusal == (404, "no_such_reward")
    captured = go(wine, held, "capture")
    assert (captured.body["reward"], "voucher" in captured.body) == ("it", True)


def test_a_code_of_the_pool_is_handed_out_once(wine: Caller) -> None:
    give(wine, 300)
    offer(wine, kind="voucher", vouchers={"from": "pool", "valid_days": 30})
    wine("POST", f"{REWARDS}/it/vouchers", {"codes": ["A", "B"]})
    first = redeem(wine, key="k", reward="it")
    assert first.body["voucher"]["code"] == "A"
    assert first.body["voucher"]["expires_at"] > first.body["occurred_at"]
    assert redeem(wine, key="k", reward="it").raw == first.raw
    held = hold(wine, reward="it")
    assert "voucher" not in wine("GET", f"/redemptions/{held}").body
    assert redeem(wine, reward="it").refusal == (409, "voucher_gone")
    counts = f"{REWARDS}/it/vouchers"
    assert wine("GET", counts).body == {"free": 0, "held": 1, "given": 1, "void": 0}
    go(wine, held, "release")
    given = redeem(wine, reward="it").body
    assert given["voucher"]["code"] == "B"
    go(wine, given["id"], "cancel")
    assert wine("GET", counts).body == {"free": 0, "held": 0, "given": 1, "void": 1}
    mine = wine("GET", f"{ANN}/vouchers", member="ann").body["data"]
    assert [(one["code"], one["status"], one["reward"]) for one in mine] == [
        ("B", "void", "it"),
        ("A", "given", "it"),
    ]


def test_a_code_that_is_not_good_for_as_long_as_the_hold_is_not_held(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, kind="voucher", vouchers={"from": "pool"})
    soon = (datetime.now(UTC) + timedelta(seconds=300)).isoformat()
    wine("POST", f"{REWARDS}/it/vouchers", {"codes": ["A"], "expires_at": soon})
    refused = redeem(wine, reward="it", hold={"expires_in_s": 600})
    assert refused.refusal == (409, "voucher_gone")
    assert redeem(wine, reward="it", hold={"expires_in_s": 60}).status == 201


def test_a_code_is_made_when_it_is_redeemed(wine: Caller) -> None:
    give(wine, 300)
    offer(wine, kind="voucher", vouchers={"from": "generated", "prefix": "WINE-", "length": 12})
    codes = {redeem(wine, reward="it").body["voucher"]["code"] for _ in range(2)}
    held = hold(wine, reward="it")
    codes.add(go(wine, held, "capture").body["voucher"]["code"])
    assert len(codes) == 3
    assert {(len(code), code[:5]) for code in codes} == {(17, "WINE-")}
    go(wine, hold(wine, reward="it"), "release")
    assert wine("GET", f"{REWARDS}/it/vouchers").body == {
        "free": 0,
        "held": 0,
        "given": 3,
        "void": 1,
    }


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"eligible": {"tier": ["gold"]}}, "the tier is gold"),
        ({"eligible": {"member_attribute": {"name": "club", "in": ["x"]}}}, "club"),
        ({"eligible": {"segment": ["vip"]}}, "vip"),
        ({"starts_at": "2999-01-01T00:00:00Z"}, "from 2999"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "until 2020"),
        ({"limits": [{"most": 1, "per": "ever"}]}, "at most once."),
    ],
)
def test_who_may_not_have_it_is_told_why(wine: Caller, more: dict[str, Any], says: str) -> None:
    give(wine, 100)
    wine("POST", "/programs/wine/segments", {"key": "vip", "name": "VIP"})
    offer(wine, stock=5, **more)
    if "limits" in more:
        assert redeem(wine, reward="it").status == 201
    left = stock(wine)
    refused = redeem(wine, reward="it")
    assert refused.refusal == (409, "not_eligible")
    assert says in refused.body["detail"]
    assert stock(wine) == left


def test_those_for_whom_it_is_may_have_it(wine: Caller) -> None:
    give(wine, 600)
    patch = {"attributes": {"club": "rowing"}}
    assert wine("PATCH", ANN, patch).status == 200
    wine("POST", "/programs/wine/segments", {"key": "vip", "name": "VIP"})
    wine("POST", "/programs/wine/segments/vip/members", {"add": ["ann"]})
    conditions = [
        {"tier": ["gold"]},
        {"member_attribute": {"name": "club", "in": ["rowing"]}},
        {"segment": ["vip"]},
        {"joining_day": {}},
    ]
    offer(wine, eligible={"all": conditions}, limits=[{"most": 2, "per": "day"}])
    assert [redeem(wine, reward="it").status for _ in range(3)] == [201, 201, 409]


def test_what_was_given_back_does_not_count_against_the_limit(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, limits=[{"most": 1, "per": "month"}])
    go(wine, redeem(wine, reward="it").body["id"], "cancel")
    go(wine, hold(wine, reward="it"), "release")
    assert redeem(wine, reward="it").status == 201
    assert redeem(wine, reward="it").refusal == (409, "not_eligible")


def test_a_dry_run_tells_and_writes_nothing(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, kind="voucher", vouchers={"from": "generated"}, stock=1)
    before = balance(wine), kinds(wine), stock(wine)
    path = f"{ANN}/redemptions?dry_run=true"
    tried = wine("POST", path, {"reward": "it"}, Idempotency_Key="k")
    assert tried.status == 200
    assert tried.body == {
        "status": "redeemed",
        "points": 30,
        "amount": None,
        "currency": "USD",
        "reward": "it",
        "balance": {"available": 70, "pending": 0, "held": 0, "owed": 0},
    }
    held = wine("POST", path, {"points": 10, "hold": {"expires_in_s": 1}}, Idempotency_Key="k")
    assert (held.body["status"], held.body["balance"]["held"]) == ("held", 10)
    short = wine("POST", path, {"points": 101}, Idempotency_Key="k")
    assert short.refusal == (409, "insufficient_points")
    assert (balance(wine), kinds(wine), stock(wine)) == before
    assert wine("GET", f"{ANN}/vouchers").body["data"] == []
    made = redeem(wine, key="k", reward="it")
    assert (made.status, "Idempotency-Replayed" in made.headers) == (201, False)


def test_a_dry_run_is_made_at_a_chosen_instant(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, starts_at="2999-01-01T00:00:00Z")
    path = f"{ANN}/redemptions?dry_run=true"
    assert wine("POST", path, {"reward": "it"}, Idempotency_Key="k").refusal == (
        409,
        "not_eligible",
    )
    then = wine("POST", f"{path}&now=2999-01-01T00:00:00Z", {"reward": "it"}, Idempotency_Key="k")
    assert then.status == 200
    late = wine(
        "POST", f"{ANN}/redemptions?now=2999-01-01T00:00:00Z", {"points": 1}, Idempotency_Key="k"
    )
    assert late.wrong == [("?now", "without_dry_run")]


def test_what_happened_is_told(wine: Caller) -> None:
    give(wine, 100)
    offer(wine, stock=1, low_at=0)
    made = redeem(wine, reward="it").body["id"]
    go(wine, made, "cancel")
    with transaction(wine.tenant.id) as session:
        events = session.execute(text("SELECT type, subject, data FROM event ORDER BY seq")).all()
    told = [(one.type, one.subject) for one in events if one.type.startswith(("red", "stock"))]
    assert told == [
        ("redemption.redeemed", "member ann"),
        ("stock.low", "reward it"),
        ("redemption.cancelled", "member ann"),
    ]
