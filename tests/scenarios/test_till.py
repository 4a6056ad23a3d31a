"""A till speaks GraphQL, and prints on the receipt what a purchase gave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.scenarios.door import TIMEOUT_S, Door, at_once
from tests.stack import Stack, until

_BUY = """
mutation ($purchase: PurchaseInput!, $wait: Int!) {
  purchase(input: $purchase, wait: $wait) {
    __typename
    ... on Taken { id replayed purchase { retailer { name } } }
    ... on Awarded { points sentence member { points { available } tier { name } } }
    ... on Rejected { reason detail }
    ... on Conflict { id code }
    ... on Accepted { status reason }
  }
}
"""


class Till:
    """A till of the bakery: it has the bakery's own key and knows the member's card."""

    def __init__(self, door: Door, retailer: str = "bakery") -> None:
        made = door.call("POST", f"/retailers/{retailer}/keys", {"name": "till"})
        self._headers = {"Authorization": f"Bearer {made.json()['key']}"}
        self._url = f"{door.base_url}/graphql"

    def ask(self, document: str, **variables: object) -> requests.Response:
        """One document, on a connection of its own."""
        body = {"query": document, "variables": variables}
        return requests.post(self._url, json=body, headers=self._headers, timeout=TIMEOUT_S)

    def sells(
        self, transaction_id: str | None = None, *, wait: int = 10, **what: Any
    ) -> dict[str, Any]:
        """A purchase, and what the till is told of it."""
        purchase = {
            "program": "wine",
            "transactionId": transaction_id or uuid4().hex,
            "identifier": {"kind": "card", "value": "4711"},
            "currency": "USD",
            "occurredAt": datetime.now(UTC).isoformat(),
            **what,
        }
        told = self.ask(_BUY, purchase=purchase, wait=wait).json()
        assert "errors" not in told, told
        answer: dict[str, Any] = told["data"]["purchase"]
        return answer


@pytest.fixture
def bakery(door: Door) -> Door:
    """The bakery, where rye bread gives 100 points a dollar, and Ann with her card."""
    assert door.call("POST", "/retailers", {"id": "bakery", "name": "Bakery"}).ok
    rule = {
        "rates": {"USD": {"points": 100, "per": "1"}},
        "when": {"all": [{"sku": ["rye"]}, {"retailer": ["bakery"]}]},
    }
    promotion = {"key": "rye", "name": "Rye", "rule": rule}
    assert door.call("POST", "/programs/wine/promotions", promotion).ok
    assert door.call("POST", "/programs/wine/promotions/rye/publish").ok
    card = {"member_id": "ann", "identifiers": [{"kind": "card", "value": "4711"}]}
    assert door.call("POST", "/programs/wine/members", card).ok
    return door


def test_a_till_prints_points_on_the_receipt(bakery: Door) -> None:
    till = Till(bakery)
    told = till.sells(amount="4.50")
    assert (told["__typename"], told["points"], told["replayed"]) == ("Awarded", 4, False)
    assert told["member"] == {"points": {"available": 4}, "tier": {"name": "Basic"}}
    assert told["purchase"]["retailer"] == {"name": "Bakery"}
    assert "4 points" in told["sentence"]
    assert bakery.standing("ann") == (4, "Basic")


def test_one_product_and_many_lines_are_credited_by_the_promotions_in_force(bakery: Door) -> None:
    till = Till(bakery)
    assert till.sells(amount="2.50", sku="rye")["points"] == 252
    lines = [
        {"lineId": "1", "sku": "rye", "amount": "2.50"},
        {"lineId": "2", "sku": "tea", "quantity": "2", "amount": "3"},
    ]
    told = till.sells(amount="5.50", items=lines)
    assert (told["points"], told["member"]["points"]["available"]) == (255, 507)
    assert bakery.call("POST", "/retailers", {"id": "station", "name": "Station"}).ok
    elsewhere = Till(bakery, "station").sells(amount="2.50", sku="rye")
    assert elsewhere["points"] == 2


def test_one_purchase_from_three_tills_at_once_is_credited_once(bakery: Door) -> None:
    tills = [Till(bakery) for _ in range(3)]
    receipt: dict[str, Any] = {"amount": "10", "occurredAt": datetime.now(UTC).isoformat()}
    answers = at_once(3, lambda number: tills[number].sells("R-1", **receipt))
    assert {one["__typename"] for one in answers} == {"Awarded"}
    assert {one["points"] for one in answers} == {10}
    assert len({one["id"] for one in answers}) == 1
    assert sorted(one["replayed"] for one in answers) == [False, True, True]
    assert bakery.standing("ann") == (10, "Basic")
    other = tills[0].sells("R-1", **{**receipt, "amount": "11"})
    assert (other["__typename"], other["code"]) == ("Conflict", "transaction_mismatch")
    assert other["id"] == answers[0]["id"]
    assert bakery.call("POST", "/retailers", {"id": "cafe", "name": "Cafe"}).ok
    assert Till(bakery, "cafe").sells("R-1", **receipt)["points"] == 10
    assert bakery.standing("ann") == (20, "Basic")


def test_who_has_not_joined_gets_the_points_on_joining(bakery: Door) -> None:
    till, at = Till(bakery), datetime.now(UTC).isoformat()
    receipt: dict[str, Any] = {
        "identifier": None,
        "memberId": "zoe",
        "amount": "10",
        "occurredAt": at,
    }
    told = till.sells("R-1", **receipt)
    assert (told["__typename"], told["status"], told["reason"]) == (
        "Accepted",
        "PARKED",
        "not_enrolled",
    )
    assert bakery.enrol("zoe").status_code == 201
    again = till.sells("R-1", **receipt)
    assert (again["__typename"], again["id"], again["replayed"]) == ("Awarded", told["id"], True)
    assert again["member"]["points"] == {"available": 10}


def test_a_purchase_that_is_not_judged_in_time_is_accepted(bakery: Door, stack: Stack) -> None:
    till, at = Till(bakery), datetime.now(UTC).isoformat()
    assert bakery.call("POST", "/programs/wine/pause", {"reason": "a story"}).ok

    def tries(wait: int) -> dict[str, Any]:
        return till.sells("R-1", wait=wait, amount="10", occurredAt=at)

    told = tries(wait=1)
    assert (told["__typename"], told["status"], told["replayed"]) == ("Accepted", "ACCEPTED", False)
    assert bakery.call("POST", "/programs/wine/resume", {"reason": "a story"}).ok
    stack.sweeper.start()

    def awarded() -> bool:
        stack.tick("earning.sweep")
        return bool(tries(wait=0)["__typename"] == "Awarded")

    until(awarded, "the sweep to find what waited", 20)
    again = tries(wait=0)
    assert (again["id"], again["replayed"], again["points"]) == (told["id"], True, 10)


def test_two_purchases_of_one_request_follow_each_other(bakery: Door) -> None:
    at = datetime.now(UTC).isoformat()
    sale = """purchase(wait: 10, input: {{ program: "wine", transactionId: "{id}", memberId: "ann",
      amount: "{amount}", currency: "USD", occurredAt: "{at}" }}) {{
        ... on Awarded {{ points member {{ points {{ available }} }} }}
      }}"""
    first, second = (
        f"{id_}: {sale.format(id=id_, amount=amount, at=at)}"
        for id_, amount in (("a", 4), ("b", 5))
    )
    told = Till(bakery).ask(f"mutation {{ {first} {second} }}").json()["data"]
    assert told["a"] == {"points": 4, "member": {"points": {"available": 4}}}
    assert told["b"] == {"points": 5, "member": {"points": {"available": 9}}}


def test_points_are_spent_at_the_till(bakery: Door) -> None:
    till = Till(bakery)
    assert till.sells(amount="300")["points"] == 300
    document = """mutation ($key: String!) {
      redeem(input: {program: "wine", memberId: "ann", amount: "2"}, idempotencyKey: $key) {
        ... on Redeemed { id replayed points balance { available } }
        ... on Refused { code }
      }
    }"""
    spent = till.ask(document, key="R-2").json()["data"]["redeem"]
    assert (spent["points"], spent["balance"], spent["replayed"]) == (
        200,
        {"available": 100},
        False,
    )
    assert till.ask(document, key="R-2").json()["data"]["redeem"] == {**spent, "replayed": True}
    refused = till.ask(document, key="R-3").json()["data"]["redeem"]
    assert refused == {"code": "insufficient_points"}
    back = f"""mutation {{
      cancelRedemption(id: "{spent["id"]}", idempotencyKey: "R-4") {{
        ... on Redeemed {{ status balance {{ available }} }}
      }}
    }}"""
    told = till.ask(back).json()["data"]["cancelRedemption"]
    assert told == {"status": "CANCELLED", "balance": {"available": 300}}
