"""Stories of returns, to the point."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import requests

from tests.scenarios.door import Door, at_once, purchase
from tests.stack import Stack, until


def give_back(door: Door, transaction_id: object, **told: object) -> requests.Response:
    """A return of a till's purchase, waited for until it is settled."""
    body = {"source": "till-1", "transaction_id": transaction_id, "return_id": uuid4().hex, **told}
    return door.call("POST", "/programs/wine/returns", body, Prefer="wait=10")


def settled(door: Door, transaction_id: object, **told: object) -> dict[str, Any]:
    """What became of it."""
    answer = give_back(door, transaction_id, **told)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def buy(door: Door, amount: str, *lines: tuple[str, str, str], **more: object) -> dict[str, Any]:
    """Ann's purchase of (line_id, quantity, amount), judged."""
    items = [
        {"line_id": line_id, "quantity": quantity, "amount": part, "sku": line_id}
        for line_id, quantity, part in lines
    ]
    bought = {**purchase("ann", amount), **({"items": items} if items else {}), **more}
    answer = door.post(bought)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def points(door: Door) -> tuple[int, int]:
    """What is available and what is owed."""
    told = door.member("ann").json()["points"]
    return told["available"], told["owed"]


def test_bought_lines_a_earned_7_and_b_earned_0__b_is_returned__nothing_is_taken_back(
    door: Door,
) -> None:
    door.enrol("ann")
    rule = {"nothing": True, "when": {"sku": ["b"]}}
    promotion = {"key": "no-b", "name": "Nothing for B", "rule": rule}
    assert door.call("POST", "/programs/wine/promotions", promotion).status_code == 201
    answer = door.call("POST", "/programs/wine/promotions/no-b/publish")
    assert answer.status_code == 200, answer.text
    now = datetime.now(UTC).isoformat()
    bought = buy(door, "12", ("a", "1", "7"), ("b", "1", "5"), occurred_at=now)
    assert bought["points"] == 7, bought["explanation"]
    told = settled(door, bought["transaction_id"], lines=[{"line_id": "b"}])
    assert (told["status"], told["points"], told["amount_back"]) == ("settled", 0, "5.00")
    assert points(door) == (7, 0)
    told = settled(door, bought["transaction_id"], lines=[{"line_id": "a"}])
    assert (told["points"], told["whole"]) == (7, True)
    assert points(door) == (0, 0)


def test_earned_10_for_three_equal_items__returned_one_by_one__10_in_all(door: Door) -> None:
    door.enrol("ann")
    bought = buy(door, "10", ("wine", "3", "10"))
    assert bought["points"] == 10
    one = [{"line_id": "wine", "quantity": 1}]
    told = [settled(door, bought["transaction_id"], lines=one) for _ in range(3)]
    assert [each["points"] for each in told] == [4, 3, 3]
    assert points(door) == (0, 0)
    earn = door.call("GET", f"/earns/{bought['id']}").json()
    assert (earn["status"], earn["points"], earn["points_returned"]) == ("returned", 10, 10)
    again = settled(door, bought["transaction_id"], lines=one)
    assert (again["status"], again["reason"]) == ("refused", "too_much_returned")


def test_a_return_arrives_then_its_purchase__as_if_in_order(door: Door) -> None:
    door.enrol("ann")
    late = {**purchase("ann", "100"), "transaction_id": "t-late"}
    first = give_back(door, "t-late", amount="40")
    assert (first.status_code, first.json()["status"]) == (202, "waiting")
    assert door.post(late).json()["points"] == 100
    path = first.headers["Location"].removeprefix("/v1")
    until(lambda: door.call("GET", path).json()["status"] == "settled", "the return")
    assert door.call("GET", path).json()["points"] == 40
    assert points(door) == (60, 0)
    assert door.entries("ann")[0]["text"].startswith("40 points taken back")


def test_a_return_sent_three_times_at_once__one_return_one_id(door: Door) -> None:
    door.enrol("ann")
    bought = buy(door, "100")
    body = {"source": "till-1", "transaction_id": bought["transaction_id"], "return_id": "r-1"}
    sent = [{**body, "amount": "12.5"}, {**body, "amount": "12.50"}, {**body, "amount": 12.5}]
    answers = at_once(
        3, lambda n: door.call("POST", "/programs/wine/returns", sent[n], Prefer="wait=10")
    )
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = door.call("POST", "/programs/wine/returns", {**body, "amount": "13"})
    assert (other.status_code, other.json()["code"]) == (422, "transaction_mismatch")
    until(lambda: points(door) == (87, 0), "the return")


def test_owed_500__leaves_joins_again_and_earns_100__available_0_owed_400(door: Door) -> None:
    door.enrol("ann")
    bought = buy(door, "500")
    assert door.burn("ann", 500).status_code == 201
    told = settled(door, bought["transaction_id"])
    assert told["explanation"]["taken_from"] == {"owed": 500}
    assert points(door) == (0, 500)
    assert door.call("DELETE", "/programs/wine/members/ann").status_code == 200
    assert door.enrol("ann").status_code == 201
    buy(door, "100")
    assert points(door) == (0, 400)


def test_a_return_takes_tier_points_and_the_tier_stays(door: Door) -> None:
    door.enrol("ann")
    bought = buy(door, "500")
    assert door.standing("ann") == (500, "Gold")
    settled(door, bought["transaction_id"])
    told = door.member("ann").json()
    assert (told["points"]["available"], told["tier"]["name"]) == (0, "Gold")
    assert told["next_tier"]["missing"] == {"points": 1000}


def test_a_wake_up_is_lost__the_sweep_finds_the_return(door: Door, stack: Stack) -> None:
    door.enrol("ann")
    bought = buy(door, "100")
    stack.sweeper.start()
    stack.worker.stop()
    body = {"source": "till-1", "transaction_id": bought["transaction_id"], "return_id": "r-1"}
    answer = door.call("POST", "/programs/wine/returns", body)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    until(lambda: stack.redis.delete("award") == 1, "the wake-up, to lose it")
    assert points(door) == (100, 0)
    stack.worker.start()
    until(lambda: _swept(stack, door), "the sweep")


def _swept(stack: Stack, door: Door) -> bool:
    stack.tick("returns.sweep")
    return points(door) == (0, 0)


def test_a_till_s_total_names_what_was_lost(door: Door) -> None:
    door.enrol("ann")
    came = [buy(door, "10"), buy(door, "12")]
    ids = [one["transaction_id"] for one in came]
    day = datetime.fromisoformat(came[0]["occurred_at"]).date().isoformat()
    total = {"count": 3, "amount": "30", "transaction_ids": [*ids, "t-lost"]}
    told = door.call("PUT", f"/sources/till-1/totals/{day}", total).json()
    assert (told["agrees"], told["difference"]) == (False, {"count": -1, "amount": "-8.00"})
    assert told["missing"] == ["t-lost"]
    late = {**purchase("ann", "8"), "transaction_id": "t-lost"}
    assert door.post({**late, "occurred_at": came[0]["occurred_at"]}).status_code == 200
    assert door.call("GET", f"/sources/till-1/totals/{day}").json()["agrees"] is True


def test_a_rule_was_wrong__each_purchase_is_corrected_once(door: Door) -> None:
    door.enrol("ann")
    buy(door, "10")
    returned = buy(door, "20")
    settled(door, returned["transaction_id"])
    draft = {"key": "gift", "name": "Gift", "rule": {"fixed": 3}}
    assert door.call("POST", "/programs/wine/promotions", draft).status_code == 201
    asked = {
        "reason": "we had promised it",
        "from": returned["occurred_at"][:10] + "T00:00:00Z",
        "until": (datetime.now(UTC)).isoformat(),
        "promotion": "gift",
        "version": 1,
    }

    def run(key: str, **more: object) -> dict[str, Any]:
        started = door.call(
            "POST", "/programs/wine/re-evaluations", {**asked, **more}, Idempotency_Key=key
        )
        assert started.status_code == 202, started.text
        path = f"/re-evaluations/{started.json()['id']}"
        until(lambda: door.call("GET", path).json()["status"] == "done", "the run")
        found: dict[str, Any] = door.call("GET", path).json()
        return found

    assert run("k-1", dry_run=True)["given"] == 3
    assert points(door) == (10, 0)
    assert (run("k-2")["given"], points(door)) == (3, (13, 0))
    assert (run("k-3")["given"], points(door)) == (0, (13, 0))
    assert door.entries("ann")[0]["text"] == "3 points given: we had promised it"


def test_the_worker_is_killed_with_returns_in_hand__each_is_settled_once(
    door: Door, stack: Stack
) -> None:
    door.enrol("ann")
    ids = [buy(door, "10")["transaction_id"] for _ in range(12)]
    stack.sweeper.start()

    def send(number: int) -> requests.Response:
        body = {
            "source": "till-1",
            "transaction_id": ids[number // 2],
            "return_id": f"r-{number}",
            "amount": "5",
        }
        return door.call("POST", "/programs/wine/returns", body)

    answers = at_once(24, send)
    stack.worker.kill()
    assert {answer.status_code for answer in answers} == {202}
    stack.worker.start()
    until(lambda: _swept(stack, door), "each to be settled", 30)
    told = door.call("GET", "/programs/wine/returns?limit=200").json()["data"]
    assert [(one["status"], one["points"]) for one in told] == [("settled", 5)] * 24
    taken = [entry for entry in door.entries("ann") if entry["kind"] == "reverse"]
    assert len(taken) == 24
