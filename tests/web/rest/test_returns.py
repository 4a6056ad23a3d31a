"""Returns over HTTP, settled by hand where a worker takes over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.earning.award import award_activities
from loyalty.earning.give_back.settle import fail_return
from loyalty.tasks.returns import settle
from loyalty.transaction import transaction
from tests.opened import AT
from tests.stack import until
from tests.web.rest.caller import Caller, Told
from tests.web.rest.test_earns import EARNS, bought

RETURNS = "/programs/wine/returns"
ITEMS = [
    {"line_id": "a", "quantity": "3", "amount": "9"},
    {"line_id": "b", "amount": "3.50"},
]


def judged(wine: Caller, **changed: Any) -> str:
    """The id of a purchase of ann's for 12.50 that was awarded."""
    stored = wine("POST", EARNS, bought(**{"items": ITEMS, **changed}), role="server")
    assert stored.status == 202, stored.raw
    with transaction(wine.tenant.id) as session:
        award_activities(session, [UUID(stored.body["id"])], AT)
    earn_id: str = stored.body["id"]
    return earn_id


def sent(wine: Caller, return_id: str = "r-1", **told: Any) -> Told:
    """A return of the till's purchase t-1."""
    body = {"source": "till", "transaction_id": "t-1", "return_id": return_id, **told}
    return wine("POST", RETURNS, body, role="server")


def settled(wine: Caller, return_id: str = "r-1", **told: Any) -> Any:
    """What became of it."""
    stored = sent(wine, return_id, **told)
    assert stored.status == 202, stored.raw
    settle(wine.tenant.id, [stored.body["id"]])
    return told_once_settled(wine, stored.body["id"])


def told_once_settled(wine: Caller, return_id: str) -> Any:
    """The return, when nobody has it in hand any more: workers of other tests may."""

    def told() -> Any:
        return wine("GET", f"/returns/{return_id}").body

    until(lambda: told()["status"] != "accepted", "whoever has it in hand")
    return told()


def test_a_return_is_stored_once_and_told(wine: Caller) -> None:
    earn_id = judged(wine)
    first = sent(wine, lines=[{"line_id": "a"}])
    assert (first.status, first.body["status"]) == (202, "accepted")
    again = sent(wine, lines=[{"line_id": "a", "quantity": 1.0}])
    assert (again.status, again.body["id"]) == (202, first.body["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert sent(wine, lines=[{"line_id": "b"}]).refusal == (422, "transaction_mismatch")
    settle(wine.tenant.id, [first.body["id"]])
    told = told_once_settled(wine, first.body["id"])
    assert (told["status"], told["points"], told["amount_back"]) == ("settled", 3, "3.00")
    assert (told["earn_id"], told["member_id"], told["whole"]) == (earn_id, "ann", False)
    assert told["lines"] == [{"line_id": "a", "quantity": "1.00"}]
    assert told["explanation"]["sentence"] == (
        "3 points given back: 3 points from what the purchase had made."
    )
    assert told["explanation"]["taken_from"] == {"own": 3}
    gave = {"promotion": "Earn rate", "version": 1, "points": 3}
    assert told["explanation"]["given_back"] == [gave]
    assert len(told["explanation"]["entries"]) == 1


def test_a_purchase_tells_that_it_was_returned(wine: Caller) -> None:
    earn_id = judged(wine)

    def purchase() -> tuple[str, int, int]:
        told = wine("GET", f"/earns/{earn_id}").body
        return told["status"], told["points"], told["points_returned"]

    def listed(status: str) -> list[str]:
        return [one["id"] for one in wine("GET", f"{EARNS}?status={status}").body["data"]]

    assert purchase() == ("awarded", 12, 0)
    assert (listed("awarded"), listed("partly_returned"), listed("returned")) == ([earn_id], [], [])
    settled(wine, "r-1", amount="2.50")
    assert purchase() == ("partly_returned", 12, 3)
    assert (listed("awarded"), listed("partly_returned"), listed("returned")) == ([], [earn_id], [])
    settled(wine, "r-2")
    assert purchase() == ("returned", 12, 12)
    assert (listed("awarded"), listed("partly_returned"), listed("returned")) == ([], [], [earn_id])
    told = wine("GET", f"/earns/{earn_id}/returns", member="ann").body["data"]
    assert [(one["return_id"], one["points"]) for one in told] == [("r-2", 9), ("r-1", 3)]
    entries = wine("GET", "/programs/wine/members/ann/entries").body["data"]
    assert [one["text"] for one in entries] == [
        "9 points taken back for a return (till r-2)",
        "3 points taken back for a return (till r-1)",
        "12 points earned for 12.50 USD (till t-1)",
    ]


def test_what_is_refused_says_what_is_left(wine: Caller) -> None:
    judged(wine)
    settled(wine, "r-1", lines=[{"line_id": "a", "quantity": "2"}])
    told = settled(wine, "r-2", lines=[{"line_id": "a", "quantity": "1.5"}])
    assert (told["status"], told["reason"]) == ("refused", "too_much_returned")
    assert told["detail"] == "1.5 of line a returned, 1 left."
    assert told["explanation"]["left"] == {
        "lines": [{"line_id": "a", "quantity": "1.00"}, {"line_id": "b", "quantity": "1.00"}],
        "amount": "6.50",
    }


def test_by_the_purchase_s_own_id(wine: Caller) -> None:
    earn_id = judged(wine)
    stored = wine("POST", f"/earns/{earn_id}/returns", {"return_id": "r-1"}, role="server")
    assert stored.status == 202
    assert sent(wine).body["id"] == stored.body["id"]
    nobody_s = "0198c000-0000-7000-8000-000000000000"
    missing = wine("POST", f"/earns/{nobody_s}/returns", {"return_id": "r-1"}, role="server")
    assert missing.refusal == (404, "not_found")


def test_a_dry_run_tells_what_it_would_take_and_writes_nothing(wine: Caller) -> None:
    judged(wine)
    body = {"source": "till", "transaction_id": "t-1", "return_id": "r-1", "amount": "2.50"}
    told = wine("POST", f"{RETURNS}?dry_run=true", body, role="server")
    assert (told.status, told.body["status"], told.body["points"]) == (200, "settled", 3)
    assert "id" not in told.body
    assert wine("GET", RETURNS).body["data"] == []
    body["amount"] = "13"
    told = wine("POST", f"{RETURNS}?dry_run=true", body, role="server")
    assert (told.body["status"], told.body["reason"]) == ("refused", "too_much_returned")
    body["transaction_id"] = "t-2"
    told = wine("POST", f"{RETURNS}?dry_run=true", body, role="server")
    assert (told.status, told.body["status"]) == (200, "waiting")
    member = wine("GET", "/programs/wine/members/ann").body
    assert member["points"]["available"] == 12


def test_a_dry_run_may_be_at_another_instant(wine: Caller) -> None:
    assert wine("PATCH", "/programs/wine", {"expiry": {"kind": "days", "n": 30}}).status == 200
    judged(wine)
    body = {"source": "till", "transaction_id": "t-1", "return_id": "r-1"}
    later = (AT + timedelta(days=31)).isoformat().replace("+00:00", "Z")
    told = wine("POST", f"{RETURNS}?dry_run=true&now={later}", body, role="server")
    assert told.body["explanation"]["taken_from"] == {"gone": 12}
    told = wine("POST", f"{RETURNS}?now={later}", body, role="server")
    assert told.wrong == [("?now", "only_dry")]


def test_the_list_finds_those_that_wait(wine: Caller) -> None:
    judged(wine)
    waits = settled(wine, "r-1", transaction_id="t-2")
    settled(wine, "r-2")

    def listed(query: str) -> list[str]:
        told = wine("GET", f"{RETURNS}?{query}")
        assert told.status == 200, told.raw
        return [one["return_id"] for one in told.body["data"]]

    assert (waits["status"], waits["detail"]) == ("waiting", "Waits for its purchase to come.")
    assert listed("") == ["r-2", "r-1"]
    assert listed("status=waiting") == ["r-1"]
    assert listed("status=settled&source=till") == ["r-2"]
    assert listed("source=till&transaction_id=t-2") == ["r-1"]
    assert listed("limit=1") == ["r-2"]
    assert listed("source=shop") == []
    assert wine("GET", f"{RETURNS}?transaction_id=t-2").wrong == [("?source", "required")]


def test_who_may_see_a_return(wine: Caller, stranger: Caller) -> None:
    judged(wine)
    path = f"/returns/{settled(wine)['id']}"
    assert wine("GET", path, member="ann").status == 200
    assert wine("GET", path, member="bob").refusal == (404, "not_found")
    assert stranger("GET", path).refusal == (404, "not_found")
    assert wine("GET", RETURNS, member="ann").refusal == (403, "forbidden")


def test_what_failed_is_tried_again(wine: Caller) -> None:
    judged(wine)
    stored = sent(wine).body["id"]
    with transaction(wine.tenant.id) as session:
        fail_return(session, UUID(stored), "Trouble", "It was ours.")
    settle(wine.tenant.id, [stored])
    failed = wine("GET", f"/returns/{stored}").body
    assert (failed["status"], failed["reason"], failed["detail"]) == (
        "failed",
        "Trouble",
        "It was ours.",
    )
    assert wine("POST", f"/returns/{stored}/retry", role="operator").status == 202
    settle(wine.tenant.id, [stored])
    assert wine("GET", f"/returns/{stored}").body["status"] == "settled"
    again = wine("POST", f"/returns/{stored}/retry", role="operator")
    assert again.refusal == (409, "nothing_to_retry")


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"lines": [], "amount": None}, [("/amount", "null"), ("/lines", "wrong_length")]),
        ({"lines": [{"line_id": "a"}], "amount": "1"}, [("/amount", "one_of_two")]),
        ({"lines": [{"line_id": "a"}, {"line_id": "a"}]}, [("/lines", "not_unique")]),
        ({"lines": [{"line_id": "a", "quantity": 0}]}, [("/lines/0/quantity", "too_small")]),
        ({"amount": 0}, [("/amount", "too_small")]),
        ({"source": ":campaign"}, [("/source", "reserved")]),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, [("/occurred_at", "in_the_future")]),
        ({"reason": "broken"}, [("/reason", "unknown_field")]),
    ],
)
def test_what_makes_no_sense_is_named(
    wine: Caller, told: dict[str, Any], wrong: list[tuple[str, str]]
) -> None:
    assert sorted(sent(wine, **told).wrong) == wrong
