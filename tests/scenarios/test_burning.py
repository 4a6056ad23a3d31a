"""Stories of burning, to the point."""

from __future__ import annotations

from uuid import uuid4

from tests.scenarios.door import Door, at_once
from tests.stack import Stack


def test_balance_100__200_parallel_burns_of_10__10_succeed_190_get_409(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "100")
    answers = at_once(200, lambda _: door.burn("ann", 10))
    refused = [one for one in answers if one.status_code != 201]
    assert len(refused) == 190
    assert {(one.status_code, one.json()["code"]) for one in refused} == {
        (409, "insufficient_points")
    }
    left = sorted(one.json()["balance"]["available"] for one in answers if one.status_code == 201)
    assert left == list(range(0, 100, 10))
    assert door.standing("ann") == (0, "Basic")
    assert len(door.entries("ann")) == 11


def test_a_burn_s_answer_is_lost__repeated_with_the_same_key__the_same_answer(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "100")
    key = uuid4().hex
    first = door.burn("ann", 10, key)
    again = door.burn("ann", 10, key)
    assert (again.status_code, again.content) == (201, first.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert door.standing("ann") == (90, "Basic")


def test_a_burn_s_answer_is_lost__also_when_it_was_a_refusal(door: Door) -> None:
    door.enrol("ann")
    key = uuid4().hex
    first = door.burn("ann", 10, key)
    assert (first.status_code, first.json()["code"]) == (409, "insufficient_points")
    door.buy("ann", "100")
    again = door.burn("ann", 10, key)
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert door.standing("ann") == (100, "Basic")


def test_a_burn_s_answer_is_lost__also_when_the_server_was_killed_in_between(
    door: Door, stack: Stack
) -> None:
    door.enrol("ann")
    door.buy("ann", "100")
    key = uuid4().hex
    first = door.burn("ann", 10, key)
    stack.web.kill()
    stack.web.start()
    again = door.burn("ann", 10, key)
    assert (again.status_code, again.content) == (201, first.content)
    assert door.standing("ann") == (90, "Basic")


def test_one_key_sent_20_times_at_once__one_burn(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "100")
    key = uuid4().hex
    answers = at_once(20, lambda _: door.burn("ann", 10, key))
    bodies = {one.content for one in answers if one.status_code == 201}
    assert len(bodies) == 1
    assert {one.status_code for one in answers} <= {201, 409}
    assert {one.json()["code"] for one in answers if one.status_code == 409} <= {
        "idempotency_in_flight"
    }
    assert door.standing("ann") == (90, "Basic")


def test_the_same_key_for_another_burn__422_nothing_changed(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "100")
    key = uuid4().hex
    door.burn("ann", 10, key)
    other = door.burn("ann", 11, key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert door.standing("ann") == (90, "Basic")


def test_a_member_burns_more_than_5_times_a_minute__429(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "100")
    ann = door.as_member("ann")
    answers = [ann.burn("ann", 1) for _ in range(6)]
    assert [one.status_code for one in answers] == [201] * 5 + [429]
    assert int(answers[5].headers["Retry-After"]) <= 60
    assert door.burn("ann", 1).status_code == 201
    assert door.standing("ann") == (94, "Basic")


def test_a_member_burns_another_member_s_points__403_nothing_changed(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "100")
    answer = door.as_member("bob").burn("ann", 10)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert door.standing("ann") == (100, "Basic")
