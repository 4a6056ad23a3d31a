"""Points are spent at the till: REST's keys, REST's answers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.web.graphql.asked import Asked, Graph
from tests.web.rest.caller import Caller
from tests.web.rest.test_redemptions import ANN, NAME, balance, give

_ANSWER = """{
  __typename
  ... on Redeemed {
    id replayed program memberId status points amount currency occurredAt holdExpiresAt reward money
    voucher { code expiresAt } balance { available pending held owed }
  }
  ... on Refused { code title detail replayed }
}"""
REDEEM = (
    "mutation ($input: RedeemInput!, $key: String!)"
    f" {{ redeem(input: $input, idempotencyKey: $key) {_ANSWER} }}"
)


def redeem(graph: Graph, key: str | None = None, **what: Any) -> Asked:
    told = {"program": "wine", "memberId": "ann", **what}
    return graph(REDEEM, {"input": told, "key": key or uuid4().hex}, role="server")


def _go(graph: Graph, act: str, redemption: str, **more: Any) -> dict[str, Any]:
    given = "".join(
        f", {name}: {value if isinstance(value, int) else chr(34) + value + chr(34)}"
        for name, value in {"idempotencyKey": uuid4().hex, **more}.items()
    )
    document = f'mutation {{ {act}Redemption(id: "{redemption}"{given}) {_ANSWER} }}'
    told: dict[str, Any] = graph(document, role="server").data[f"{act}Redemption"]
    return told


def test_a_burn_is_the_one_that_rest_makes(graph: Graph, wine: Caller) -> None:
    give(wine, 100)
    made = redeem(graph, "k-1", points=40).data["redeem"]
    assert (made["__typename"], made["status"], made["points"]) == ("Redeemed", "REDEEMED", 40)
    assert (made["amount"], made["currency"], made["replayed"]) == ("0.40", "USD", False)
    assert made["balance"] == {"available": 60, "pending": 0, "held": 0, "owed": 0}
    assert redeem(graph, "k-1", points=40).data["redeem"] == {**made, "replayed": True}
    rest = wine("POST", f"{ANN}/redemptions", {"points": 40}, Idempotency_Key="k-1")
    assert (rest.status, rest.body["id"]) == (201, made["id"])
    assert rest.headers["Idempotency-Replayed"] == "true"
    assert redeem(graph, "k-1", points=41).errors == [(422, "idempotency_mismatch")]
    assert balance(wine) == {"available": 60, "held": 0, "owed": 0}


def test_a_refusal_is_kept_under_its_key(graph: Graph, wine: Caller) -> None:
    refused = redeem(graph, "k-1", points=1).data["redeem"]
    assert (refused["__typename"], refused["code"]) == ("Refused", "insufficient_points")
    give(wine, 100)
    assert redeem(graph, "k-1", points=1).data["redeem"] == {**refused, "replayed": True}
    rest = wine("POST", f"{ANN}/redemptions", {"points": 1}, Idempotency_Key="k-1")
    assert rest.refusal == (409, "insufficient_points")


def test_by_amount_and_for_a_reward(graph: Graph, wine: Caller) -> None:
    give(wine, 500)
    assert redeem(graph, amount="1.50").data["redeem"]["points"] == 150
    body = {
        "vouchers": {"from": "generated"},
        "key": "mug",
        "kind": "voucher",
        "points": 30,
        "texts": NAME,
    }
    offered = wine("POST", "/programs/wine/rewards", body)
    assert offered.status == 201, offered.raw
    made = redeem(graph, reward="mug").data["redeem"]
    assert (made["reward"], made["points"]) == ("mug", 30)
    assert made["voucher"]["code"]


def test_what_is_held_goes_on(graph: Graph, wine: Caller) -> None:
    give(wine, 100)
    held = redeem(graph, points=60, hold={"expiresInS": 600}).data["redeem"]
    assert (held["status"], held["balance"]["held"]) == ("HELD", 60)
    assert held["holdExpiresAt"]
    captured = _go(graph, "capture", held["id"], points=50)
    assert (captured["status"], captured["balance"]["available"]) == ("CAPTURED", 50)
    back = _go(graph, "cancel", held["id"], points=20, reason="a mistake")
    assert (back["status"], back["balance"]["available"]) == ("PARTLY_CANCELLED", 70)
    assert _go(graph, "release", held["id"])["code"] == "wrong_state"
    again = redeem(graph, points=10, hold={"expiresInS": 600}).data["redeem"]
    released = _go(graph, "release", again["id"], idempotencyKey="r-1")
    assert (released["status"], released["balance"]["held"]) == ("RELEASED", 0)
    rest = wine("POST", f"/redemptions/{again['id']}/release", {}, Idempotency_Key="r-1")
    assert (rest.status, rest.headers["Idempotency-Replayed"]) == (200, "true")


def test_what_is_wrong_is_named(graph: Graph) -> None:
    assert redeem(graph).wrong == [("/points", "one_way")]
    assert redeem(graph, points=1, amount="1").wrong == [("/points", "one_way")]
    assert redeem(graph, points=0).wrong == [("/points", "too_small")]
    assert redeem(graph, points=1, hold={"expiresInS": 0}).wrong == [
        ("/hold/expiresInS", "too_small")
    ]
    assert redeem(graph, "ü", points=1).wrong == [("/idempotencyKey", "malformed")]
    assert redeem(graph, points=1, memberId="bob").errors == [(404, "not_enrolled")]
    assert redeem(graph, points=1, memberId="b b").errors == [(404, "not_found")]


def test_a_members_own_token_is_limited_as_in_rest(graph: Graph, wine: Caller) -> None:
    tries = [
        graph(
            REDEEM,
            {"input": {"program": "wine", "memberId": "ann", "points": 1}, "key": uuid4().hex},
            member="ann",
        )
        for _ in range(6)
    ]
    assert [one.data["redeem"]["code"] for one in tries[:5]] == ["insufficient_points"] * 5
    assert tries[5].errors == [(429, "rate_limited")]
    [error] = tries[5].body["errors"]
    assert 1 <= error["extensions"]["retry_after_s"] <= 60
