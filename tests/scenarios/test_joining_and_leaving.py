"""Stories of joining and leaving, to the point."""

from __future__ import annotations

from tests.scenarios.door import Door, at_once, purchase


def test_not_enrolled__joins__basic_0_points_active(door: Door) -> None:
    answer = door.enrol("ann")
    assert answer.status_code == 201
    told = door.member("ann").json()
    assert told == answer.json()
    assert (told["member_id"], told["status"]) == ("ann", "active")
    assert (told["tier"]["key"], told["tier"]["name"]) == ("basic", "Basic")
    assert told["points"] == {"available": 0, "pending": 0, "held": 0, "owed": 0, "lifetime": 0}
    assert told["next_tier"] == {"key": "gold", "name": "Gold", "missing": {"points": 500}}


def test_enrolled__joins_again__409_already_enrolled(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "10")
    again = door.enrol("ann")
    assert (again.status_code, again.json()["code"]) == (409, "already_enrolled")
    assert door.standing("ann") == (10, "Basic")


def test_not_enrolled__joins_ten_times_at_once__one_201_and_nine_409(door: Door) -> None:
    answers = at_once(10, lambda _: door.enrol("ann"))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 9
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"already_enrolled"}
    assert door.standing("ann") == (0, "Basic")


def test_not_enrolled__queried_or_leaves__404_not_enrolled(door: Door) -> None:
    for method in ("GET", "DELETE"):
        answer = door.call(method, "/programs/wine/members/ann")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_enrolled")


def test_enrolled_120_points__leaves__cancelled_history_readable_409_then_0_points(
    door: Door,
) -> None:
    door.enrol("ann")
    door.buy("ann", "120")

    left = door.call("DELETE", "/programs/wine/members/ann")
    assert (left.status_code, left.json()["status"]) == (200, "cancelled")

    told = door.member("ann").json()
    assert (told["status"], told["points"]["available"]) == ("cancelled", 0)
    assert [(one["kind"], one["change"]) for one in door.entries("ann")] == [
        ("forfeit", {"available": -120}),
        ("award", {"available": 120}),
    ]
    burn = door.burn("ann", 1)
    assert (burn.status_code, burn.json()["code"]) == (409, "not_active")

    again = door.call("DELETE", "/programs/wine/members/ann")
    assert (again.status_code, again.json()) == (200, told)

    assert door.enrol("ann").status_code == 201
    assert door.standing("ann") == (0, "Basic")
    assert len(door.entries("ann")) == 2
    door.buy("ann", "7")
    assert door.standing("ann") == (7, "Basic")


def test_purchase_posted_for_a_stranger_who_then_enrols__awarded_once(door: Door) -> None:
    earn = purchase("ann", "42")
    posted = door.post(earn)
    assert (posted.status_code, posted.json()["status"]) == (200, "parked")
    assert door.member("ann").status_code == 404

    door.enrol("ann")
    again = door.post(earn)
    assert again.json()["id"] == posted.json()["id"]
    assert (again.status_code, again.json()["status"]) == (200, "awarded")
    assert door.standing("ann") == (42, "Basic")
    assert len(door.entries("ann")) == 1


def test_suspended__buys_and_burns__parked_and_409_until_reinstated(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "10")
    door.call("POST", "/programs/wine/members/ann/suspend", {"reason": "fraud?"})

    earn = purchase("ann", "5")
    posted = door.post(earn)
    assert (posted.json()["status"], posted.json()["reason"]) == ("parked", "suspended")
    burn = door.burn("ann", 1)
    assert (burn.status_code, burn.json()["code"]) == (409, "not_active")

    door.call("POST", "/programs/wine/members/ann/reinstate", {"reason": "it was not"})
    assert door.post(earn).json()["status"] == "awarded"
    assert door.standing("ann") == (15, "Basic")
