"""A member's token opens what is theirs, and nothing of anybody else: every operation, every id.

The ids are whatever the staff of two tenants can see and this member can't.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
import requests

from tests.scenarios.door import Door, opened_door, purchase
from tests.stack import Stack
from tests.web.document import Operation, operations

_ID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b|(?<=\")\d+-\d+(?=\")"
)
_UNCHANGED = ("", "/entries", "/redemptions", "/vouchers", "/campaigns")
_KEYS = {"program": "wine", "key": "bread", "tier": "gold", "retailer_id": "r-1", "sku": "s-1"}


@dataclass
class Bank:
    """Two tenants in which bob is everything a member can be; ann is in the first one too."""

    ours: Door
    theirs: Door
    operations: list[Operation]
    http: requests.Session

    def call(self, door: Door, one: Operation, path: str, query: str = "") -> requests.Response:
        """Calls it; in a body every member is bob."""
        headers = {"Authorization": f"Bearer {door.token}", "Idempotency-Key": uuid4().hex}
        url = f"{door.base_url}{path}{query}"
        body = one.body("bob")
        return self.http.request(one.method, url, json=body, headers=headers, timeout=10)

    def seen(self, door: Door, member_id: str) -> set[str]:
        """All ids in what the token can read of that member, of lists, and of itself."""
        found: set[str] = set()
        for one in self.operations:
            if one.method == "GET" and set(one.places) <= {"program", "member_id"}:
                path = one.path.format(program="wine", member_id=member_id)
                answer = self.call(door, one, path)
                if answer.ok:
                    found.update(_ID.findall(answer.text))
        return found


def _everything_of(door: Door, member_id: str) -> None:
    """Purchases, a return, burns, a hold, an adjustment, a campaign: what leaves ids behind."""
    assert door.enrol(member_id).status_code == 201
    earns = [purchase(member_id, "300"), purchase(member_id, "20")]
    for earn in earns:
        assert door.post(earn).status_code == 200
    told = {"source": "till-1", "return_id": f"r-{member_id}"}
    told["transaction_id"] = str(earns[1]["transaction_id"])
    made = [
        door.call("POST", "/programs/wine/returns", told),
        door.adjust(member_id, 100),
        door.burn(member_id, 10),
        door.call(
            "POST",
            f"/programs/wine/members/{member_id}/redemptions",
            {"points": 10, "hold": {"expires_in_s": 3600}},
            Idempotency_Key=uuid4().hex,
        ),
    ]
    assert [answer.status_code for answer in made] == [202, 201, 201, 201]


def _opened(door: Door) -> None:
    door.open_program()
    goal = {"key": "bread", "name": "Bread", "kind": "visit"}
    assert door.call("POST", "/programs/wine/goals", goal).status_code == 201
    _everything_of(door, "bob")


@pytest.fixture(scope="module")
def bank(stack: Stack) -> Iterator[Bank]:
    """Both tenants, and every operation that asks who one is."""
    ours, theirs = opened_door(stack), opened_door(stack)
    for door in (ours, theirs):
        _opened(door)
    _everything_of(ours, "ann")
    document = requests.get(f"{stack.base_url}/openapi.json", timeout=10).json()
    with requests.Session() as http:
        yield Bank(ours, theirs, list(operations(document)), http)


@pytest.fixture(scope="module")
def foreign(bank: Bank) -> list[str]:
    """What the staff can see, here and there, and ann can't."""
    staff = bank.seen(bank.ours, "bob") | bank.seen(bank.theirs, "bob")
    found = sorted(staff - bank.seen(bank.ours.as_member("ann"), "ann"))
    assert len(found) > 20
    return found


def _paths(one: Operation, foreign: Iterable[str]) -> Iterator[str]:
    """Its path with each foreign id in it; none if nothing in it could be somebody's."""
    for id_ in foreign:
        told = {name: id_ if name.endswith("_id") else "x" for name in one.places}
        yield one.path.format(**told | {"member_id": "bob"} | _KEYS)
        if not any(name.endswith("_id") and name != "member_id" for name in one.places):
            return


def test_no_operation_shows_or_changes_what_is_somebody_elses(
    bank: Bank, foreign: list[str]
) -> None:
    ann = bank.ours.as_member("ann")
    before = _told_of_bob(bank)
    opened = []
    for one in bank.operations:
        if set(one.places) <= set(_KEYS):
            if one.method != "GET":  # bob is in its body, if anybody is
                bank.call(ann, one, one.path.format(**_KEYS))
            continue
        for path in _paths(one, foreign):
            answer = bank.call(ann, one, path)
            if answer.status_code not in {403, 404}:
                opened.append(f"{one.method} {path}: {answer.status_code}")
    assert opened == []
    assert _told_of_bob(bank) == before


def test_no_list_tells_of_others(bank: Bank, foreign: list[str]) -> None:
    ann, leaking = bank.ours.as_member("ann"), list[str]()
    for one in bank.operations:
        if one.method != "GET" or not set(one.places) <= set(_KEYS):
            continue
        parameters = (told for told in one.told["parameters"] if told["in"] == "query")
        asked = [f"?{told['name']}=bob" for told in parameters if "member" in told["name"]]
        for query in ["", *asked]:
            answer = bank.call(ann, one, one.path.format(**_KEYS), query)
            leaks = set(_ID.findall(answer.text)).intersection(foreign)
            if leaks or "bob" in answer.text:
                leaking.append(f"{one.name}{query}: {leaks or 'bob'}")
    assert leaking == []


def test_what_no_member_may_do_is_refused_before_anything_is_read(bank: Bank) -> None:
    ann = bank.ours.as_member("ann")
    for one in bank.operations:
        if "member" not in one.told["x-roles"]:
            path = one.path.format(**dict.fromkeys(one.places, uuid4()) | _KEYS)
            answer = bank.call(ann, one, path)
            assert answer.status_code in {403, 404}, one.name
            if answer.status_code == 403:
                assert answer.json()["code"] == "forbidden", one.name


def test_nobody_is_enrolled_in_anothers_name(bank: Bank) -> None:
    ann = bank.ours.as_member("ann")
    for member_id in ("bob", "somebody-new"):
        assert ann.enrol(member_id).json()["code"] == "forbidden"


def test_a_token_of_the_neighbours_member_of_the_same_name_is_nobody_here(bank: Bank) -> None:
    """Both tenants have a bob; each bob sees the points of his own."""
    assert bank.theirs.adjust("bob", 5).status_code == 201
    here, there = (door.as_member("bob").standing("bob")[0] for door in (bank.ours, bank.theirs))
    assert there == here + 5


def _told_of_bob(bank: Bank) -> list[str]:
    return [
        door.call("GET", f"/programs/wine/members/bob{part}").text
        for door in (bank.ours, bank.theirs)
        for part in _UNCHANGED
    ]
