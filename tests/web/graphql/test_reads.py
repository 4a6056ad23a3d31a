"""What can be asked, and what it costs: as many statements for fifty as for five."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import event

from loyalty.clock import wall_clock
from loyalty.db import Role, engine
from loyalty.earning.award import award_activities
from loyalty.transaction import transaction
from tests.web.graphql.asked import Graph
from tests.web.rest.caller import Caller
from tests.web.rest.test_earns import EARNS, bought

_EVERYTHING = """
query ($first: Int!, $after: String) {
  purchases(program: "wine", first: $first, after: $after) {
    next
    nodes {
      id status program source transactionId memberId retailerId kind amount currency
      occurredAt recordedAt awardedAt points pointsCorrected pointsReturned reason detail parkEndsAt
      explanation { sentence given { promotion version base points remainder sentence } entries }
      member {
        memberId status name birthday timeZone attributes joinedAt leftAt
        tier { key name since until } nextTier { key missing { points amount } } keep { by }
        points { available pending held owed lifetime } expiring { points expiresAt }
      }
      retailer { id name region timeZone }
      items { lineId sku category brand quantity amount product { sku name category price } }
    }
  }
}
"""


@contextmanager
def _statements() -> Iterator[list[str]]:
    """What the application's role executes meanwhile."""
    told: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        told.append(statement)

    event.listen(engine(Role.APP), "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(engine(Role.APP), "before_cursor_execute", note)


@pytest.fixture
def shop(wine: Caller) -> Caller:
    """Ten retailers, products and members, and 55 purchases of theirs, judged."""
    for n in range(10):
        assert wine("POST", "/retailers", {"id": f"r-{n}", "name": f"R{n}"}).status == 201
        product = {"sku": f"s-{n}", "name": f"S{n}", "price": "2.50", "currency": "USD"}
        assert wine("POST", "/products", product).status == 201
        assert wine("POST", "/programs/wine/members", {"member_id": f"m-{n}"}).status == 201
    earns = [_one(n) for n in range(55)]
    told = wine("POST", f"{EARNS}/batch", {"earns": earns}, role="server").body
    assert told["summary"]["accepted"] == 55
    with transaction(wine.tenant.id) as session:
        ids = [UUID(one["id"]) for one in told["results"]]
        award_activities(session, ids, wall_clock(), top_up=False)
    return wine


def _one(n: int) -> dict[str, object]:
    lines = [
        {"line_id": "a", "sku": f"s-{n % 10}", "quantity": 2, "amount": "10"},
        {"line_id": "b", "sku": "nobody-knows", "amount": "2.50"},
    ]
    whose = {"member_id": f"m-{n % 10}", "retailer": f"r-{n % 10}"}
    return bought(f"t-{n}", **whose, items=lines)


def test_fifty_cost_what_five_do(shop: Caller) -> None:
    graph = Graph(shop)
    graph(_EVERYTHING, {"first": 1})  # what is remembered between requests: program, document
    costs = {}
    for first in (5, 50):
        with _statements() as told:
            page = graph(_EVERYTHING, {"first": first}).data["purchases"]
        assert len(page["nodes"]) == first
        assert len({node["member"]["memberId"] for node in page["nodes"]}) == min(first, 10)
        costs[first] = len([one for one in told if not one.startswith("BEGIN")])
    assert costs[5] == costs[50]
    assert costs[5] <= 8, costs  # page, purchases, promotions, members, retailers, products


def test_what_is_not_asked_is_not_read(shop: Caller) -> None:
    graph = Graph(shop)
    ask = '{ purchases(program: "wine", first: 50) { nodes { id points } } }'
    graph(ask)
    with _statements() as told:
        assert len(graph(ask).data["purchases"]["nodes"]) == 50
    assert len([one for one in told if not one.startswith("BEGIN")]) == 2


def test_a_purchase_is_told_as_in_rest(shop: Caller) -> None:
    [node] = Graph(shop)(_EVERYTHING, {"first": 1}).data["purchases"]["nodes"]
    rest = shop("GET", f"/earns/{node['id']}").body
    assert node["status"] == rest["status"].upper() == "AWARDED"
    for name, other in (
        ("amount", "amount"),
        ("transactionId", "transaction_id"),
        ("memberId", "member_id"),
        ("occurredAt", "occurred_at"),
        ("awardedAt", "awarded_at"),
        ("points", "points"),
        ("pointsReturned", "points_returned"),
        ("source", "source"),
    ):
        assert node[name] == rest[other]
    assert node["points"] == 12
    assert node["explanation"]["sentence"] == rest["explanation"]["sentence"]
    assert node["explanation"]["entries"] == rest["explanation"]["entries"]
    assert node["retailer"]["name"] == f"R{node['retailerId'][-1]}"
    known, unknown = node["items"]
    assert (known["quantity"], known["amount"]) == ("2", "10.00")
    assert known["product"]["price"] == "2.50"
    assert (unknown["quantity"], unknown["product"]) == ("1", None)


def test_pages_follow_each_other(shop: Caller) -> None:
    graph, seen, after = Graph(shop), [], None
    while True:
        page = graph(_EVERYTHING, {"first": 20, "after": after}).data["purchases"]
        seen += [node["transactionId"] for node in page["nodes"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [f"t-{n}" for n in reversed(range(55))]
    wrong = graph(_EVERYTHING, {"first": 20, "after": "1"})
    assert wrong.wrong == [("/after", "malformed")]


def test_filters_must_all_hold(shop: Caller) -> None:
    ask = """
    query ($source: String, $id: String, $member: String, $status: PurchaseStatus) {
      purchases(
        program: "wine", source: $source, transactionId: $id, memberId: $member, status: $status
      ) { nodes { transactionId } }
    }
    """
    graph = Graph(shop)

    def found(**asked: object) -> list[str]:
        nodes = graph(ask, asked).data["purchases"]["nodes"]
        return [node["transactionId"] for node in nodes]

    assert found(source="till", id="t-7") == ["t-7"]
    assert found(member="m-3", status="AWARDED") == ["t-53", "t-43", "t-33", "t-23", "t-13", "t-3"]
    assert found(status="PARKED") == []
    assert graph(ask, {"id": "t-7"}).wrong == [("/source", "required")]


def test_a_member_is_told_as_in_rest(wine: Caller) -> None:
    assert wine("PATCH", "/programs/wine/members/ann", {
        "name": "Ann", "birthday": "1990-02-28", "attributes": {"a": [1, "b"]},
        "identifiers": [{"kind": "card", "value": "77"}],
    }).status == 200  # fmt: skip
    graph = Graph(wine)
    whole = """{
      memberId status name birthday timeZone attributes joinedAt leftAt
      tier { key name since until } nextTier { key name missing { points amount } }
      keep { by missing { points } } expiring { points expiresAt }
      points { available pending held owed lifetime }
    }"""
    one = graph(f'{{ member(program: "wine", memberId: "ann") {whole} }}').data["member"]
    rest = wine("GET", "/programs/wine/members/ann").body
    assert one == {
        "memberId": "ann",
        "status": "ACTIVE",
        "name": "Ann",
        "birthday": "1990-02-28",
        "timeZone": None,
        "attributes": {"a": [1, "b"]},
        "joinedAt": rest["joined_at"],
        "leftAt": None,
        "tier": rest["tier"],
        "nextTier": {"key": "gold", "name": "Gold", "missing": {"points": 500, "amount": None}},
        "keep": None,
        "expiring": [],
        "points": rest["points"],
    }
    by = f'{{ memberBy(program: "wine", identifier: {{kind: "card", value: "77"}}) {whole} }}'
    assert graph(by).data["memberBy"] == one
    assert graph(by.replace("77", "78")).errors == [(404, "not_found")]
    unknown = graph('{ member(program: "wine", memberId: "bob") { memberId } }')
    assert unknown.errors == [(404, "not_enrolled")]


def test_the_catalogue_and_the_promotions(wine: Caller) -> None:
    for path, body in (
        ("/retailers", {"id": "r-1", "name": "R", "region": "north", "time_zone": "Asia/Tokyo"}),
        ("/retailers", {"id": "r-2", "name": "R2"}),
        ("/products", {"sku": "rye", "name": "Rye", "category": "food/bread/rye", "brand": "B"}),
        ("/products", {"sku": "tea", "name": "Tea", "price": 3, "currency": "EUR"}),
        ("/programs/wine/promotions", {"key": "two", "name": "2", "rule": {"multiplier": "2"}}),
    ):
        assert wine("POST", path, body).status == 201
    told = Graph(wine)(
        """{
          retailer(id: "r-1") { id name region timeZone }
          retailers(first: 1) { nodes { id } next }
          north: retailers(region: "north") { nodes { id } next }
          product(sku: "tea") { sku name category brand price currency }
          products(category: "food") { nodes { sku category brand price } next }
          promotion(program: "wine", key: "two") { key status current { version } draft { rule } }
          promotions(program: "wine") { nodes { key standing status current { version } } next }
        }"""
    ).data
    after = told["retailers"].pop("next")
    assert told == {
        "retailer": {"id": "r-1", "name": "R", "region": "north", "timeZone": "Asia/Tokyo"},
        "retailers": {"nodes": [{"id": "r-2"}]},
        "north": {"nodes": [{"id": "r-1"}], "next": None},
        "product": {
            "sku": "tea", "name": "Tea", "category": None, "brand": None,
            "price": "3.00", "currency": "EUR",
        },
        "products": {
            "nodes": [{"sku": "rye", "category": "food/bread/rye", "brand": "B", "price": None}],
            "next": None,
        },
        "promotion": {
            "key": "two", "status": "DRAFT", "current": None,
            "draft": {"rule": {"multiplier": "2"}},
        },
        "promotions": {
            "nodes": [
                {"key": "two", "standing": False, "status": "DRAFT", "current": None},
                {"key": told["promotions"]["nodes"][1]["key"], "standing": True,
                 "status": "PUBLISHED", "current": {"version": 1}},
            ],
            "next": None,
        },
    }  # fmt: skip
    rest = f'{{ retailers(first: 1, after: "{after}") {{ nodes {{ id }} next }} }}'
    assert Graph(wine)(rest).data["retailers"] == {"nodes": [{"id": "r-1"}], "next": None}
