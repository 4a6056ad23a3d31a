"""The purchase mutation: what REST's POST …/earns takes, and once with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.transaction import transaction
from tests.web.graphql.asked import Asked, Graph
from tests.web.rest.caller import Caller
from tests.web.rest.test_earns import EARNS, bought

BUY = """
mutation ($input: PurchaseInput!, $wait: Int! = 0) {
  purchase(input: $input, wait: $wait) {
    __typename
    ... on Taken { id replayed purchase { status source retailerId items { lineId sku amount } } }
    ... on Accepted { status reason }
    ... on Awarded { points sentence member { points { available } } }
    ... on Rejected { reason detail }
    ... on Conflict { id code detail }
  }
}
"""


def _input(**changed: Any) -> dict[str, Any]:
    told = {
        "program": "wine",
        "transactionId": "t-1",
        "memberId": "ann",
        "amount": "12.50",
        "currency": "USD",
        "occurredAt": (wall_clock() - timedelta(minutes=1)).isoformat(),
        "source": "till",
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


def buy(graph: Graph, key: str | None = None, **changed: Any) -> Asked:
    """A purchase, in answer to whom nobody waits."""
    return graph(BUY, {"input": _input(**changed)}, role="server", bearer=key)


def _judge(wine: Caller, *ids: str) -> None:
    with transaction(wine.tenant.id) as session:
        award_activities(session, [UUID(one) for one in ids], wall_clock(), top_up=False)


def _key(wine: Caller, *sources: str) -> str:
    body = {"name": "till", "role": "server", "sources": list(sources)}
    return str(wine("POST", "/api-keys", body).body["key"])


def test_it_is_the_purchase_that_rest_takes(graph: Graph, wine: Caller) -> None:
    at = (wall_clock() - timedelta(minutes=1)).astimezone(UTC).isoformat()
    lines = [{"lineId": "a", "sku": "rye", "quantity": 2, "amount": 10}]
    told = buy(
        graph, occurredAt=at, items=lines, tax="2.50", payments=[{"kind": "CARD", "amount": "1"}],
        attributes={"a_b": 1}, identifier=None, channel="shop", store="s-1",
    ).data["purchase"]  # fmt: skip
    assert (told["__typename"], told["status"], told["replayed"]) == ("Accepted", "ACCEPTED", False)
    rest = wine("POST", EARNS, {
        **bought(occurred_at=at), "tax": 2.5, "payments": [{"kind": "card", "amount": 1}],
        "items": [{"line_id": "a", "sku": "rye", "quantity": "2", "amount": "10.00"}],
        "attributes": {"a_b": 1}, "channel": "shop", "store": "s-1",
    }, role="server")  # fmt: skip
    assert (rest.status, rest.body["id"]) == (202, told["id"])
    assert rest.headers["Idempotency-Replayed"] == "true"


def test_its_points_are_told_when_they_are_known(graph: Graph, wine: Caller) -> None:
    at = wall_clock().isoformat()
    first = buy(graph, occurredAt=at).data["purchase"]
    _judge(wine, first["id"])
    again = buy(graph, occurredAt=at).data["purchase"]
    assert again == {
        "__typename": "Awarded",
        "id": first["id"],
        "replayed": True,
        "points": 12,
        "sentence": again["sentence"],
        "member": {"points": {"available": 12}},
        "purchase": {
            "status": "AWARDED", "source": "till", "retailerId": None, "items": [],
        },
    }  # fmt: skip
    assert "12" in again["sentence"]
    other = buy(graph, occurredAt=at, amount="12.51").data["purchase"]
    assert other["__typename"] == "Conflict"
    assert (other["id"], other["code"]) == (first["id"], "transaction_mismatch")


def test_one_product_is_one_line(graph: Graph, wine: Caller) -> None:
    told = buy(graph, sku="rye", quantity="2", amount="11", tax="0.99").data["purchase"]
    assert told["purchase"]["items"] == [{"lineId": "1", "sku": "rye", "amount": "10.01"}]
    wrong = buy(graph, sku="rye", items=[{"lineId": "1", "amount": "12.50"}])
    assert wrong.errors == [(422, "invalid")]
    assert wrong.wrong == [("/items", "one_of_two")]
    assert buy(graph, sku="").wrong == [("/sku", "too_short")]
    assert buy(graph, sku="rye", quantity="x").wrong == [("/quantity", "not_money")]


def test_a_bound_key_is_source_and_retailer(graph: Graph, wine: Caller) -> None:
    assert wine("POST", "/retailers", {"id": "bakery", "name": "Bakery"}).status == 201
    key = str(wine("POST", "/retailers/bakery/keys", {"name": "till"}).body["key"])
    told = buy(graph, key, source=None).data["purchase"]
    assert told["purchase"] == {
        "status": "ACCEPTED", "source": "bakery", "retailerId": "bakery", "items": [],
    }  # fmt: skip
    named = buy(graph, key, source="bakery", retailer="bakery", transactionId="t-2").data
    assert named["purchase"]["purchase"]["retailerId"] == "bakery"
    other = buy(graph, key, source="bakery", retailer="other", transactionId="t-3")
    assert other.errors == [(403, "source_not_allowed")]
    assert buy(graph, key, source="shop").errors == [(403, "source_not_allowed")]
    several = _key(wine, "a", "b")
    assert buy(graph, several, source=None).wrong == [("/source", "required")]
    assert buy(graph, several, source="b").data["purchase"]["purchase"]["retailerId"] is None
    assert buy(graph, source=None).wrong == [("/source", "required")]


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"memberId": None}, [("/memberId", "one_of_two")]),
        ({"amount": "x", "currency": "EURO"},
         [("/amount", "not_money"), ("/currency", "unknown_currency")]),
        ({"occurredAt": "today"}, [("/occurredAt", "not_an_instant")]),
        ({"occurredAt": "2000-01-01T00:00:00Z"}, [("/occurredAt", "too_old")]),
        ({"items": [{"lineId": "a", "amount": "-"}]}, [("/items/0/amount", "not_money")]),
        ({"items": [{"lineId": "", "amount": 12.5}]}, [("/items/0/lineId", "too_short")]),
        ({"items": [{"lineId": "a", "amount": 1}]}, [("/amount", "does_not_add_up")]),
        ({"attributes": {"a": "\x00"}}, [("/variables", "unstorable")]),
        ({"transactionId": ""}, [("/transactionId", "too_short")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    graph: Graph, changed: dict[str, Any], wrong: list[tuple[str, str]]
) -> None:
    told = buy(graph, **changed)
    if told.status == 422:  # the request itself cannot be read
        assert [(one["pointer"], one["code"]) for one in told.body["errors"]] == wrong
    else:
        assert told.errors == [(422, "invalid")]
        assert told.wrong == wrong


def test_money_in_a_document_is_exact(graph: Graph) -> None:
    at = datetime.now(UTC).isoformat()
    document = f"""mutation {{ purchase(wait: 0, input: {{
      program: "wine", transactionId: "t", memberId: "ann", source: "till", currency: "USD",
      occurredAt: "{at}", amount: 999999999999.0001
    }}) {{ ... on Taken {{ purchase {{ amount }} }} }} }}"""
    told = graph(document).data["purchase"]["purchase"]
    assert told == {"amount": "999999999999.0001"}


def test_a_stranger_waits_and_a_refusal_says_why(graph: Graph, wine: Caller) -> None:
    at = wall_clock().isoformat()
    parked = buy(graph, memberId="zoe", occurredAt=at).data["purchase"]
    refused = buy(graph, transactionId="t-2", currency="JPY", occurredAt=at).data["purchase"]
    _judge(wine, parked["id"], refused["id"])
    told = buy(graph, memberId="zoe", occurredAt=at).data["purchase"]
    assert (told["__typename"], told["status"], told["reason"]) == (
        "Accepted",
        "PARKED",
        "not_enrolled",
    )
    told = buy(graph, transactionId="t-2", currency="JPY", occurredAt=at).data["purchase"]
    assert (told["__typename"], told["reason"]) == ("Rejected", "currency_not_accepted")


def test_nobody_waits_longer_than_may_be(graph: Graph) -> None:
    for wait in (-1, 11):
        told = graph(BUY, {"input": _input(), "wait": wait}, role="server")
        assert told.wrong == [("/wait", "out_of_range")]


def test_a_program_that_is_not_there(graph: Graph) -> None:
    assert buy(graph, program="beer").errors == [(404, "not_found")]
    assert buy(graph, program="Wine!").errors == [(404, "not_found")]


def test_members_post_what_their_program_lets_them(graph: Graph, wine: Caller) -> None:
    own = {"input": _input(source="member:ann")}
    assert graph(BUY, own, member="ann").errors == [(403, "members_do_not_post")]
    open_ = {"slug": "open", "name": "Open", "member_earns": {"kinds": ["purchase"]}}
    assert wine("POST", "/programs", open_).status == 201
    told = graph(BUY, {"input": _input(source="member:ann", program="open")}, member="ann")
    assert told.data["purchase"]["__typename"] == "Accepted"
    other = {"input": _input(source="member:ann", program="open", memberId="bob")}
    assert graph(BUY, other, member="ann").errors == [(403, "forbidden")]
