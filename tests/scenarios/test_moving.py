"""Members move in with their points, buy, are told everything that is stored, and are forgotten."""

from __future__ import annotations

import json

import requests

from tests.scenarios.door import Door
from tests.stack import until

MEMBERS = "member_id,name,identifier.card,tier\nann,Ann Archer,C-1,gold\nbob,Bob Baker,C-2,\n"
BALANCES = """\
{"reference": "old-1", "member_id": "ann", "points": 700, "expires_at": "never"}
{"reference": "old-2", "member_id": "bob", "points": 400, "tier_points": 400}
{"reference": "old-3", "member_id": "carl", "points": 1}
"""


def bring(door: Door, what: str, body: str, kind: str) -> dict[str, object]:
    """Sends a file and waits until a worker has brought it in; the import as it is told then."""
    answer = requests.post(
        f"{door.base_url}/v1/imports",
        params={"program": "wine", "what": what},
        data=body.encode(),
        headers={"Authorization": f"Bearer {door.token}", "Content-Type": kind},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    path = f"/imports/{answer.json()['id']}"
    until(lambda: door.call("GET", path).json()["status"] == "done", "the import to be done", 30)
    told: dict[str, object] = door.call("GET", path).json()
    return told


def test_a_program_moves_in_once__and_a_member_is_forgotten(door: Door) -> None:
    for changed in (2, 0):
        told = bring(door, "members", MEMBERS, "text/csv")
        assert (told["done"], told["changed"], told["refused"]) == (2, changed, 0)
        told = bring(door, "balances", BALANCES, "application/x-ndjson")
        assert (told["done"], told["changed"], told["refused"]) == (3, changed, 1)
    assert door.standing("ann") == (700, "Gold")
    assert door.standing("bob") == (400, "Basic")
    assert door.buy("bob", "100").status_code == 200
    assert door.standing("bob") == (500, "Gold")
    assert door.burn("ann", 200).status_code == 201

    own = door.as_member("ann").call("GET", "/members/ann/export")
    *lines, end = [json.loads(line) for line in own.text.splitlines()]
    assert {line["data"]["name"] for line in lines if line["type"] == "member"} == {"Ann Archer"}
    assert (end["type"], end["data"]["redemption"], end["data"]["opening_balance"]) == ("end", 1, 1)

    gone = door.call("POST", "/members/ann/erase", {"reason": "asked for it"})
    assert gone.json() == {"programs": 1, "names": 1}
    assert door.member("ann").status_code == 404
    everything = door.call("POST", "/exports", {})
    assert "Archer" not in everything.text
    assert "C-1" not in everything.text
    assert door.standing("bob") == (500, "Gold")
    assert door.call("GET", "/audit").json()["holds"] is True
