"""Bulk acts over HTTP, done by real workers, which are killed meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.scenarios.door import Door
from tests.stack import Stack, until

MANY = 2000


def bulk(door: Door, act: str, query: dict[str, Any], **more: Any) -> requests.Response:
    """Asks for a bulk act."""
    key = more.pop("key", uuid4().hex)
    body = {"program": "wine", "act": act, "query": query, "reason": "a story", **more}
    return door.call("POST", "/bulk-acts", body, Idempotency_Key=key)


def read(door: Door, act_id: str) -> dict[str, Any]:
    """How far it is."""
    told: dict[str, Any] = door.call("GET", f"/bulk-acts/{act_id}").json()
    return told


def counts(told: dict[str, Any]) -> tuple[str, int | None, int, int, int]:
    """What came of it so far."""
    return told["status"], told["total"], told["done"], told["changed"], told["refused"]


def ends(door: Door, act_id: str, within_s: float = 20) -> dict[str, Any]:
    """The act at its end."""
    until(lambda: read(door, act_id)["ended_at"] is not None, "the act to end", within_s)
    return read(door, act_id)


@pytest.fixture
def members(door: Door) -> list[str]:
    """Three members with 100, 200 and 300 points."""
    for index, name in enumerate(("ann", "bob", "cid"), 1):
        door.enrol(name)
        door.adjust(name, 100 * index)
    return ["ann", "bob", "cid"]


def test_a_dry_run_tells_and_the_act_does(door: Door, members: list[str]) -> None:
    rich = {"points_gte": 150}
    tried = bulk(door, "adjust", rich, points=-250, dry_run=True)
    assert tried.status_code == 200
    cid, bob = tried.json()["sample"]
    assert (tried.json()["matched"], cid["member_id"]) == (2, "cid")
    assert (cid["before"]["available"], cid["after"]["available"]) == (300, 50)
    assert (bob["after"], bob["refused"]["code"]) == (None, "insufficient_points")
    assert [door.standing(name)[0] for name in members] == [100, 200, 300]

    begun = bulk(door, "adjust", rich, points=-250)
    assert begun.status_code == 202
    assert begun.json()["query"] == rich
    act_id = begun.json()["id"]
    assert counts(ends(door, act_id)) == ("done", 2, 2, 1, 1)
    assert [door.standing(name)[0] for name in members] == [100, 200, 50]
    [refused] = door.call("GET", f"/bulk-acts/{act_id}/refusals").json()["data"]
    assert (refused["place"], refused["subject"]) == (1, "bob")
    [listed] = door.call("GET", "/bulk-acts?program=wine").json()["data"]
    assert listed == read(door, act_id)
    acts = [one["act"] for one in door.call("GET", "/audit-log").json()["data"]]
    assert acts.count("bulk_act.start") == 1
    assert acts.count("member.adjust") == len(members)  # those of the fixture
    assert door.call("POST", f"/bulk-acts/{act_id}/cancel").json()["code"] == "job_ended"


def test_the_same_key_is_the_same_act(door: Door, members: list[str]) -> None:
    one = bulk(door, "suspend", {"status": "active"}, key="k-1")
    again = bulk(door, "suspend", {"status": "active"}, key="k-1")
    assert (again.status_code, again.json()["id"]) == (202, one.json()["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    other = bulk(door, "close", {"status": "active"}, key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert ends(door, one.json()["id"])["changed"] == len(members)
    assert [door.member(name).json()["status"] for name in members] == ["suspended"] * 3


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"query": {}}, "/query", "required"),
        ({"act": "adjust"}, "/points", "required"),
        ({"act": "re_tier"}, "/tier", "required"),
        ({"act": "suspend", "points": 5}, "/points", "not_for_this_act"),
        ({"act": "adjust", "points": 0}, "/points", "zero"),
        ({"query": {"segment": "none"}}, "/query/segment", "unknown_segment"),
        ({"query": {"points_gte": -1}}, "/query/points_gte", "too_small"),
        ({"query": {"attributes": {"a": None}}}, "/query/attributes", "not_comparable"),
    ],
)
def test_what_it_cannot_mean_is_refused(
    door: Door, body: dict[str, Any], pointer: str, code: str
) -> None:
    whole = {"program": "wine", "act": "suspend", "query": {"status": "active"}, "reason": "x"}
    answer = door.call("POST", "/bulk-acts", {**whole, **body}, Idempotency_Key=uuid4().hex)
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


def test_a_key_is_needed_and_only_an_admin_may(door: Door) -> None:
    whole = {"program": "wine", "act": "suspend", "query": {"status": "active"}, "reason": "x"}
    assert door.call("POST", "/bulk-acts", whole).json()["code"] == "idempotency_key_missing"
    for role in ("support", "operator", "marketing"):
        answer = bulk(door.as_role(role), "suspend", {"status": "active"})
        assert answer.status_code == 403


@pytest.mark.timeout(200)
def test_workers_are_killed_meanwhile__each_member_gets_it_once(door: Door, stack: Stack) -> None:
    with ThreadPoolExecutor(8) as pool:
        joined = list(pool.map(lambda number: door.enrol(f"m-{number}"), range(MANY)))
    assert {one.status_code for one in joined} == {201}
    act_id = bulk(door, "adjust", {"status": "active"}, points=7).json()["id"]
    kills = 0
    stack.sweeper.start()
    try:
        for share in (1, MANY // 3, MANY // 2):
            _until_done(stack, door, act_id, share)
            if read(door, act_id)["ended_at"] is None:
                stack.worker.kill()
                kills += 1
                stack.worker.start()
        _until_done(stack, door, act_id, MANY)
    finally:
        stack.sweeper.stop()
    assert kills
    assert counts(ends(door, act_id)) == ("done", MANY, MANY, MANY, 0)
    told = door.call("GET", "/programs/wine/members?sort=-points&limit=200").json()
    assert {one["points"]["available"] for one in told["data"]} == {7}
    least = door.call("GET", "/programs/wine/members?sort=points&limit=1").json()["data"]
    assert least[0]["points"]["available"] == 7
    assert door.call("GET", "/audit").json()["broken"] == []


def _until_done(stack: Stack, door: Door, act_id: str, members: int) -> None:
    until(lambda: _done(stack, door, act_id) >= members, "members to be done", 90)


def _done(stack: Stack, door: Door, act_id: str) -> int:
    """How many it has done; what beat would send is sent."""
    stack.tick("jobs.sweep")
    return int(read(door, act_id)["done"])
