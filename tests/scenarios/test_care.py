"""Stories of what people do for a member: agree, transfer, merge, explain; over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.scenarios.door import Door, at_once, purchase
from tests.stack import Stack, until


def _ask(door: Door, points: int, member: str = "ann") -> requests.Response:
    path = f"/programs/wine/members/{member}/adjustments"
    body = {"points": points, "reason": "a mistake at the till"}
    return door.call("POST", path, body, Idempotency_Key=uuid4().hex)


def _approve(door: Door, asked: str, key: str = "") -> requests.Response:
    path = f"/adjustment-requests/{asked}/approve"
    return door.call("POST", path, {}, Idempotency_Key=key or uuid4().hex)


def _transfer(door: Door, giver: str, taker: str, points: int, key: str = "") -> requests.Response:
    body = {"from": giver, "to": taker, "points": points, "reason": "a gift"}
    path = "/programs/wine/transfers"
    return door.call("POST", path, body, Idempotency_Key=key or uuid4().hex)


def _merge(
    door: Door, absorbed: str, survivor: str, key: str = "", query: str = ""
) -> requests.Response:
    path = f"/members/{absorbed}/merge{query}"
    body = {"into": survivor, "reason": "one and the same"}
    headers = {} if query else {"Idempotency_Key": key or uuid4().hex}
    return door.call("POST", path, body, **headers)


def _refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_support_gives_more_than_its_limit__waits__an_admin_agrees__once(door: Door) -> None:
    door.enrol("ann")
    support = door.as_role("support")
    asked = _ask(support, 25_000)
    assert (asked.status_code, asked.json()["status"]) == (202, "requested")
    request = asked.json()["id"]
    assert door.standing("ann") == (0, "Basic")
    waiting = door.call("GET", "/programs/wine/adjustment-requests?status=requested").json()
    assert [one["id"] for one in waiting["data"]] == [request]

    assert _approve(support, request).status_code == 403
    agreed = at_once(5, lambda _: _approve(door, request, key="agreed"))
    assert {one.status_code for one in agreed} == {200}
    assert {one.json()["decided_by"] for one in agreed} == {"admin:admin"}
    assert door.standing("ann") == (25_000, "Platinum")
    assert _refusal(_approve(door, request)) == (409, "already_decided")

    [entry] = door.entries("ann")
    told = door.call("GET", f"/entries/{entry['id']}/explain").json()
    assert told["cause"]["href"] == f"/v1/adjustment-requests/{request}"
    assert told["cause"]["told"] == {"points": 25_000, "approved_by": "admin:admin"}
    log = door.call("GET", "/audit-log").json()["data"]
    assert [one["act"] for one in log[:3]] == [
        "adjustment.approve",
        "member.adjust",
        "adjustment.request",
    ]


def test_an_admin_with_a_limit__does_not_agree_with_themselves(door: Door) -> None:
    door.enrol("ann")
    limit = {"approval": {"admin_adjusts_up_to": 100}}
    assert door.call("PATCH", "/programs/wine", limit).status_code == 200
    assert _ask(door, 100).status_code == 201
    asked = _ask(door, -101)
    assert asked.status_code == 202
    assert _refusal(_approve(door, asked.json()["id"])) == (403, "own_request")


def test_points_are_given_to_a_friend__they_arrive_and_both_statements_say_so(door: Door) -> None:
    for name in ("ann", "bob"):
        door.enrol(name)
    door.buy("ann", "600")
    made = at_once(4, lambda _: _transfer(door, "ann", "bob", 200, key="once"))
    assert {one.status_code for one in made} <= {201, 409}
    assert len({one.json()["id"] for one in made if one.status_code == 201}) == 1
    assert door.standing("ann") == (400, "Gold")
    assert door.standing("bob") == (200, "Basic")
    assert door.entries("ann")[0]["text"] == "200 points given to bob: a gift"
    assert door.entries("bob")[0]["text"] == "200 points got from ann: a gift"
    assert _refusal(_transfer(door, "ann", "bob", 401)) == (409, "insufficient_points")
    assert _refusal(_transfer(door, "ann", "ann", 1)) == (422, "invalid")
    assert _refusal(_transfer(door, "ann", "carl", 1)) == (404, "not_enrolled")


def test_transfers_in_a_ring_at_once__nothing_is_lost(door: Door) -> None:
    names = ["ann", "bob", "carl"]
    for name in names:
        door.enrol(name)
        door.adjust(name, 100)
    ring = [(names[n % 3], names[(n + 1 + n // 3 % 2) % 3]) for n in range(24)]
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda way: _transfer(door, way[0], way[1], 9), ring))
    assert {one.status_code for one in told} <= {201, 409}
    assert sum(door.standing(name)[0] for name in names) == 300


def _both(door: Door) -> None:
    door.open_program("air")
    door.call(
        "POST",
        "/programs/wine/members",
        {"member_id": "bob", "identifiers": [{"kind": "card", "value": "4711"}], "name": "Bob"},
    )
    door.enrol("ann")
    door.enrol("bob", "air")
    door.buy("ann", "400")
    door.buy("bob", "300")
    door.buy("bob", "70", "air")


def _points(door: Door, name: str, program: str = "wine") -> dict[str, Any]:
    points: dict[str, Any] = door.member(name, program).json()["points"]
    return points


def test_two_members_become_one__in_every_program__and_what_comes_later_finds_them(
    door: Door,
) -> None:
    _both(door)
    late = purchase("bob", "5")
    dry = _merge(door, "bob", "ann", query="?dry_run=true")
    assert (dry.status_code, dry.json()["id"]) == (200, None)
    assert [(one["program"], one["balance"]["available"]) for one in dry.json()["programs"]] == [
        ("wine", 700),
        ("air", 70),
    ]
    assert door.standing("ann") == (400, "Basic")

    merged = _merge(door, "bob", "ann", key="one")
    assert merged.status_code == 201
    assert _merge(door, "bob", "ann", key="one").json() == merged.json()
    for name in ("ann", "bob"):
        told = door.member(name).json()
        assert (told["member_id"], told["tier"]["name"]) == ("ann", "Gold")
        assert (told["points"]["available"], told["points"]["lifetime"]) == (700, 700)
        assert door.standing(name, "air") == (70, "Basic")
        assert [one["change"] for one in door.entries(name)] == [
            {"available": 300},
            {"available": 400},
            {"available": -300},
            {"available": 300},
        ]
    card = {"identifier": {"kind": "card", "value": "4711"}}
    found = door.call("POST", "/members/lookup", card).json()
    assert (found["member_id"], found["name"], found["merged"]) == ("ann", "Bob", ["bob"])

    assert door.post(late).json()["status"] == "awarded"
    assert door.buy("bob", "7", "air").json()["status"] == "awarded"
    assert door.burn("bob", 5).status_code == 201
    assert (_points(door, "ann")["available"], _points(door, "ann", "air")["available"]) == (
        700,
        77,
    )
    assert _refusal(door.enrol("bob")) == (409, "already_enrolled")
    assert _refusal(_merge(door, "ann", "bob")) == (409, "already_merged")
    undo = f"/merges/{merged.json()['id']}/undo"
    refused = door.call("POST", undo, {"reason": "no"}, Idempotency_Key=uuid4().hex)
    assert _refusal(refused) == (409, "merge_touched")


def test_a_merge_by_mistake__is_undone__and_both_stand_as_before(door: Door) -> None:
    _both(door)
    before = {
        (name, program): door.member(name, program).json()
        for name, program in (("ann", "wine"), ("bob", "wine"), ("bob", "air"))
    }
    merged = _merge(door, "bob", "ann").json()
    path = f"/merges/{merged['id']}"
    undone = at_once(
        3, lambda _: door.call("POST", f"{path}/undo", {"reason": "two"}, Idempotency_Key="u")
    )
    assert {one.status_code for one in undone} <= {200, 409}
    told = door.call("GET", path).json()
    assert (told["undone_by"], told["undo_reason"]) == ("admin:admin", "two")
    after = {which: door.member(*which).json() for which in before}
    assert after == before
    assert door.member("ann", "air").status_code == 404
    door.buy("bob", "1")
    assert (_points(door, "ann")["available"], _points(door, "bob")["available"]) == (400, 301)


@pytest.mark.parametrize("ways", [[("bob", "ann")] * 6, [("bob", "ann"), ("ann", "bob")] * 3])
def test_merged_by_several_at_once_in_one_or_both_directions__once(
    door: Door, ways: list[tuple[str, str]]
) -> None:
    for name, points in (("ann", 10), ("bob", 5)):
        door.enrol(name)
        door.adjust(name, points)
    told = at_once(len(ways), lambda number: _merge(door, *ways[number]))
    assert sorted(one.status_code for one in told) == [201] + [409] * (len(ways) - 1)
    assert {one.json()["code"] for one in told if one.status_code == 409} == {"already_merged"}
    assert [_points(door, name)["available"] for name in ("ann", "bob")] == [15, 15]


def _brought_back(door: Door, back: dict[str, object]) -> requests.Response:
    return door.call("POST", "/programs/wine/returns", back, Prefer="wait=10")


def test_merged_while_they_buy_return_and_burn__nothing_is_lost(door: Door, stack: Stack) -> None:
    for name in ("ann", "bob"):
        door.enrol(name)
        door.adjust(name, 100)
    earlier = purchase("bob", "40")
    door.post(earlier)
    back = {
        "source": earlier["source"],
        "transaction_id": earlier["transaction_id"],
        "return_id": "r-1",
    }
    acts: list[Callable[[], requests.Response]] = [
        *(partial(door.buy, name, "3") for name in ("ann", "bob") * 6),
        lambda: _merge(door, "bob", "ann"),
        *(partial(door.burn, name, 10) for name in ("bob", "ann") * 3),
        lambda: _brought_back(door, back),
    ]
    told = at_once(len(acts), lambda number: acts[number]())
    bought, [merged], burnt, [returned] = told[:12], told[12:13], told[13:19], told[19:]
    assert merged.status_code == 201
    assert returned.status_code in {200, 202}  # not everybody may wait at once
    assert {one.status_code for one in burnt} == {201}
    stack.sweeper.start()  # what had to make way for the merge is found by the sweep
    until(lambda: _brought_back(door, back).json()["status"] == "settled", "the return", 20)
    door.buy("bob", "1")
    ids = [one.json()["id"] for one in bought]

    def judged() -> list[dict[str, Any]]:
        return [door.call("GET", f"/earns/{one}").json() for one in ids]

    until(lambda: all(one["status"] == "awarded" for one in judged()), "all of them", 20)
    assert {one["points"] for one in judged()} == {3}
    for name in ("ann", "bob"):
        assert _points(door, name)["available"] == 200 + 12 * 3 + 1 - 6 * 10
