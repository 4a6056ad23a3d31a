"""Purchases over HTTP, up to where a worker takes over."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.transaction import transaction
from tests.web.rest.caller import Caller, Told

EARNS = "/programs/wine/earns"


def bought(transaction_id: str = "t-1", source: str = "till", **changed: Any) -> dict[str, Any]:
    """What a till sends when ann has bought for 12.50 USD."""
    return {
        "source": source,
        "transaction_id": transaction_id,
        "member_id": "ann",
        "amount": "12.50",
        "currency": "USD",
        "occurred_at": (wall_clock() - timedelta(minutes=1)).isoformat(),
        **changed,
    }


def _ids(listed: Told) -> list[str]:
    assert listed.status == 200
    return [one["transaction_id"] for one in listed.body["data"]]


def test_the_same_purchase_again_is_the_same_purchase(wine: Caller) -> None:
    first = bought()
    stored = wine("POST", EARNS, first, role="server")
    assert (stored.status, stored.body["status"]) == (202, "accepted")
    assert stored.headers["Location"] == f"/v1/earns/{stored.body['id']}"
    again = wine("POST", EARNS, {**first, "amount": 12.5}, role="server")
    assert (again.status, again.body["id"]) == (202, stored.body["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    other = wine("POST", EARNS, {**first, "amount": "12.51"}, role="server")
    assert other.refusal == (422, "transaction_mismatch")
    elsewhere = wine("POST", EARNS, {**first, "source": "shop"}, role="server")
    assert elsewhere.status == 202
    assert elsewhere.body["id"] != stored.body["id"]


def test_a_dry_run_tells_why_and_writes_nothing(wine: Caller) -> None:
    told = wine("POST", f"{EARNS}?dry_run=true", bought(), role="server")
    assert (told.status, told.body["status"], told.body["points"]) == (200, "awarded", 12)
    assert told.body["explanation"]["given"][0]["remainder"] == "0.5"
    assert _ids(wine("GET", EARNS)) == []


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("dryrun=true", ("?dryrun", "unknown_field")),
        ("dry_run=1", ("?dry_run", "not_a_boolean")),
        ("dry_run=true&dry_run=false", ("?dry_run", "named_twice")),
    ],
)
def test_a_query_that_is_not_understood_writes_nothing(
    wine: Caller, query: str, wrong: tuple[str, str]
) -> None:
    assert wine("POST", f"{EARNS}?{query}", bought(), role="server").wrong == [wrong]
    assert _ids(wine("GET", EARNS)) == []


def test_what_is_no_number_or_named_twice_in_a_batch_refuses_its_item_alone(wine: Caller) -> None:
    good = [json.dumps(bought(f"t-{n}")) for n in range(2)]
    no_number = good[0].replace('"12.50"', "NaN")
    twice = good[0][:-1] + ', "source": "shop"}'
    answer = wine.client.post(
        f"/v1{EARNS}/batch",
        data=f'{{"earns": [{good[0]}, {no_number}, {twice}, {good[1]}]}}',
        headers={"Content-Type": "application/json", **wine.tenant.headers()},
    )
    assert answer.status_code == 202
    told = [
        (one["outcome"], one.get("code"), [error["pointer"] for error in one.get("errors", ())])
        for one in answer.get_json()["results"]
    ]
    assert told == [
        ("accepted", None, []),
        ("invalid", "unreadable", ["/amount"]),
        ("invalid", "unreadable", ["/source"]),
        ("accepted", None, []),
    ]


def test_every_filter_of_the_list_holds(wine: Caller) -> None:
    wine("POST", "/programs/wine/members", {"member_id": "bob"})
    for purchase in (
        bought("t-1"),
        bought("t-2"),
        bought("t-1", source="shop"),
        bought("t-3", source="shop", member_id="bob"),
    ):
        assert wine("POST", EARNS, purchase, role="server").status == 202
    assert _ids(wine("GET", EARNS)) == ["t-3", "t-1", "t-2", "t-1"]
    assert _ids(wine("GET", f"{EARNS}?source=till")) == ["t-2", "t-1"]
    assert _ids(wine("GET", f"{EARNS}?source=shop&member_id=ann")) == ["t-1"]
    assert _ids(wine("GET", f"{EARNS}?source=till&transaction_id=t-2")) == ["t-2"]
    assert _ids(wine("GET", f"{EARNS}?source=nobody")) == []
    assert wine("GET", f"{EARNS}?transaction_id=t-1").wrong == [("?source", "required")]


def test_members_list_their_own(wine: Caller) -> None:
    made = wine("POST", EARNS, bought(), role="server").body["id"]
    assert _ids(wine("GET", EARNS, role="member", member="ann")) == ["t-1"]
    assert _ids(wine("GET", EARNS, role="member", member="bob")) == []
    foreign = wine("GET", f"{EARNS}?member_id=ann", role="member", member="bob")
    assert foreign.refusal == (403, "forbidden")
    assert wine("GET", f"/earns/{made}", role="member", member="ann").status == 200
    hidden = wine("GET", f"/earns/{made}", role="member", member="bob")
    assert hidden.refusal == (404, "not_found")


def test_who_has_a_purchase_judged_again_is_written_down(wine: Caller) -> None:
    made = wine("POST", EARNS, bought(member_id="bob"), role="server").body["id"]
    again = f"/earns/{made}/retry"
    assert wine("POST", again, role="operator").refusal == (409, "not_set_back")
    with transaction(wine.tenant.id) as session:
        award_activities(session, [UUID(made)], wall_clock())
    assert wine("GET", f"/earns/{made}").body["reason"] == "not_enrolled"
    retried = wine("POST", again, role="operator", X_Request_Id="r-7")
    assert (retried.status, retried.body) == (202, {"id": made, "status": "accepted"})
    written = wine("GET", "/audit-log?limit=1").body["data"][0]
    assert (written["act"], written["subject"]) == ("earn.retry", f"earn {made}")
    assert (written["actor"], written["request_id"]) == ("operator:operator", "r-7")
    assert written["before"] == {"status": "parked", "reason": "not_enrolled"}
