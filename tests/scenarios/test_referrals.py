"""Stories of members who bring members, to the point."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.scenarios.door import Door, at_once
from tests.stack import until

GIVES = {"active": True, "referrer_points": 50, "referred_points": 20}


def opened(door: Door) -> str:
    """A program that takes referrals, in which ann is a member: her code."""
    set_to = door.call("PUT", "/programs/wine/referrals/settings", GIVES)
    assert set_to.status_code == 200, set_to.text
    door.enrol("ann")
    made = door.as_member("ann").call("POST", "/programs/wine/members/ann/referral-code")
    assert made.status_code == 200, made.text
    return str(made.json()["code"])


def enrol(door: Door, member_id: str, code: str) -> requests.Response:
    return door.call(
        "POST", "/programs/wine/members", {"member_id": member_id, "referral_code": code}
    )


def wait_for_points(door: Door, member_id: str, points: int) -> None:
    until(lambda: door.standing(member_id)[0] >= points, f"{points} points of {member_id}")
    assert door.standing(member_id)[0] == points


def test_a_friend_joins_by_a_code_and_buys__both_are_rewarded_once(door: Door) -> None:
    code = opened(door)
    assert enrol(door, "bob", code).status_code == 201
    assert door.standing("ann")[0] == door.standing("bob")[0] == 0
    at_once(10, lambda _: door.buy("bob", "1"))
    wait_for_points(door, "ann", 50)
    wait_for_points(door, "bob", 30)
    [entry] = door.entries("ann")
    assert entry["text"] == "50 points earned (For bringing a member)"
    [told] = door.call("GET", "/programs/wine/referrals?referrer=ann").json()["data"]
    assert (told["referred"], told["status"]) == ("bob", "completed")


def test_a_member_refers_themselves__422_and_not_joined_again(door: Door) -> None:
    code = opened(door)
    door.call("DELETE", "/programs/wine/members/ann")
    refused = enrol(door, "ann", code)
    assert refused.status_code == 422
    assert refused.json()["errors"][0] == {
        "pointer": "/referral_code",
        "code": "own_code",
        "detail": "Nobody can refer themselves.",
    }
    assert door.member("ann").json()["status"] == "cancelled"


def test_a_code_of_nobody__422_and_not_joined(door: Door) -> None:
    opened(door)
    refused = enrol(door, "bob", "NOBODYS")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_code")
    assert door.member("bob").status_code == 404


def test_leaving_and_joining_again_by_a_code__counts_for_nobody(door: Door) -> None:
    code = opened(door)
    door.enrol("bob")
    door.call("DELETE", "/programs/wine/members/bob")
    assert enrol(door, "bob", code).status_code == 201
    door.buy("bob", "1")
    assert door.call("GET", "/programs/wine/referrals").json()["data"] == []
    assert door.standing("ann")[0] == 0


def test_one_friend_enrolled_10_times_at_once_by_a_code__is_brought_once(door: Door) -> None:
    code = opened(door)
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: enrol(door, "bob", code).status_code, range(10)))
    assert sorted(answers) == [201] + [409] * 9
    door.buy("bob", "1")
    wait_for_points(door, "ann", 50)


def test_a_member_s_code_is_their_own_business(door: Door) -> None:
    code = opened(door)
    path = "/programs/wine/members/ann/referral-code"
    assert door.as_member("ann").call("GET", path).json() == {"member_id": "ann", "code": code}
    assert door.as_member("bob").call("GET", path).status_code == 403
