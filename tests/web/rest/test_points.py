"""Adjustments, redemptions and the statement over HTTP."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.web.rest.caller import Caller, Told

ANN = "/programs/wine/members/ann"


def _adjust(call: Caller, points: object, role: str = "admin", key: str | None = None) -> Told:
    body = {"points": points, "reason": "sorry"}
    sent_key = key or uuid4().hex
    return call("POST", f"{ANN}/adjustments", body, role=role, Idempotency_Key=sent_key)


def _burn(call: Caller, **what: object) -> Told:
    return call("POST", f"{ANN}/redemptions", what, Idempotency_Key=uuid4().hex)


def test_points_are_given_and_taken_with_a_reason(wine: Caller) -> None:
    given = _adjust(wine, 100)
    assert given.status == 201
    assert (given.body["points"], given.body["reason"]) == (100, "sorry")
    assert given.body["balance"] == {"available": 100, "pending": 0, "held": 0, "owed": 0}
    assert _adjust(wine, -30).body["balance"]["available"] == 70
    assert _adjust(wine, -71).refusal == (409, "insufficient_points")


@pytest.mark.parametrize(
    ("points", "code"),
    [(0, "zero"), (1.5, "not_an_integer"), (2**53, "too_large"), ("1", "not_an_integer")],
)
def test_points_that_make_no_sense_are_named(wine: Caller, points: object, code: str) -> None:
    assert _adjust(wine, points).wrong == [("/points", code)]


def test_support_adjusts_alone_up_to_a_limit(wine: Caller) -> None:
    assert _adjust(wine, 10_000, role="support").status == 201
    for points in (10_001, -10_001):
        asked = _adjust(wine, points, role="support")
        assert (asked.status, asked.body["status"]) == (202, "requested")
    assert wine("GET", ANN).body["points"]["available"] == 10_000
    assert _adjust(wine, 10_001, role="server").refusal == (403, "forbidden")


@pytest.mark.parametrize(
    ("path", "body"),
    [("adjustments", {"points": 1, "reason": "x"}), ("redemptions", {"points": 1})],
)
def test_what_moves_points_needs_a_key(wine: Caller, path: str, body: dict[str, object]) -> None:
    assert wine("POST", f"{ANN}/{path}", body).refusal == (400, "idempotency_key_missing")


def test_the_same_key_adjusts_once(wine: Caller) -> None:
    first, again = _adjust(wine, 5, key="k"), _adjust(wine, 5, key="k")
    assert (again.status, again.raw) == (201, first.raw)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert _adjust(wine, 6, key="k").refusal == (422, "idempotency_mismatch")
    assert wine("GET", ANN).body["points"]["available"] == 5


def test_a_burn_is_told_and_found_again(wine: Caller) -> None:
    _adjust(wine, 100)
    burn = _burn(wine, points=30)
    assert burn.status == 201
    told = dict(burn.body)
    assert told.pop("balance") == {"available": 70, "pending": 0, "held": 0, "owed": 0}
    assert (told["status"], told["points"]) == ("redeemed", 30)
    assert (told["amount"], told["currency"]) == ("0.30", "USD")
    assert wine("GET", f"/redemptions/{told['id']}").body == told
    assert wine("GET", f"{ANN}/redemptions").body == {"data": [told], "next": None}


def test_a_redemption_is_shown_to_its_member_alone(wine: Caller, stranger: Caller) -> None:
    _adjust(wine, 100)
    path = f"/redemptions/{_burn(wine, points=30).body['id']}"
    assert wine("GET", path, role="member", member="ann").status == 200
    assert wine("GET", path, role="member", member="bob").refusal == (404, "not_found")
    assert stranger("GET", path).refusal == (404, "not_found")


@pytest.mark.parametrize("body", [{}, {"points": 1, "amount": "1"}])
def test_a_burn_is_by_points_or_by_amount(wine: Caller, body: dict[str, object]) -> None:
    assert _burn(wine, **body).wrong == [("/points", "one_way")]


def test_a_rule_refuses_and_nothing_is_remembered_under_the_key(wine: Caller) -> None:
    wine(
        "POST",
        "/programs",
        {"slug": "ten", "name": "Ten", "burn": {"min_points": 10, "step": 10, "max_points": 50}},
    )
    wine("POST", "/programs/ten/members", {"member_id": "ann"})
    path = "/programs/ten/members/ann/redemptions"
    for points, code in ((9, "below_minimum"), (15, "not_a_step"), (60, "above_maximum")):
        refused = wine("POST", path, {"points": points}, Idempotency_Key="k")
        assert refused.refusal == (422, code)
        assert refused.wrong == [("/points", code)]
    corrected = wine("POST", path, {"points": 10}, Idempotency_Key="k")
    assert corrected.refusal == (409, "insufficient_points")


def test_the_statement_says_what_happened(wine: Caller) -> None:
    _adjust(wine, 100)
    burn = _burn(wine, amount="0.255")
    page = wine("GET", f"{ANN}/entries?limit=1")
    [entry] = page.body["data"]
    assert entry.pop("recorded_at") == entry.pop("occurred_at")
    assert entry.pop("id").endswith("-2")
    assert entry == {
        "kind": "redeem",
        "text": "26 points spent, worth 0.255 USD",
        "change": {"available": -26},
        "balance": {"available": 74, "pending": 0, "held": 0, "owed": 0},
        "cause_id": burn.body["id"],
    }
    rest = wine("GET", f"{ANN}/entries?limit=1&after={page.body['next']}").body
    assert [one["text"] for one in rest["data"]] == ["100 points given: sorry"]
    assert rest["next"] is None


def test_the_balance_as_it_was(wine: Caller) -> None:
    given = _adjust(wine, 100).body
    _adjust(wine, -40)
    then = given["occurred_at"].replace("Z", "%2B00:00")
    for query, available in (
        ("", 60),
        (f"?as_of={then}", 100),
        (f"?known_at={then}", 100),
        ("?known_at=2020-01-01T00:00:00Z", 0),
    ):
        told = wine("GET", f"{ANN}/balance{query}").body
        assert {name: told[name] for name in ("available", "pending", "held", "owed")} == {
            "available": available,
            "pending": 0,
            "held": 0,
            "owed": 0,
        }
    assert wine("GET", f"{ANN}/balance?as_of=yesterday").wrong == [("?as_of", "not_an_instant")]
