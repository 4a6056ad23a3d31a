"""Stories of campaigns, to the point."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.scenarios.door import Door, at_once, purchase
from tests.stack import until

BREAD = {
    "key": "bread-100",
    "name": "Bread for 100 in one purchase",
    "kind": "buy",
    "when": {"sku": ["bread"]},
    "amount": "100",
    "at_once": True,
}
COFFEES = {
    "key": "ten-coffees",
    "name": "Ten coffees",
    "kind": "buy",
    "when": {"sku": ["coffee"]},
    "quantity": "10",
}


def define(door: Door, *goals: dict[str, Any]) -> None:
    for goal in goals:
        made = door.call("POST", "/programs/wine/goals", goal)
        assert made.status_code == 201, made.text


def publish(door: Door, key: str, goals: list[str], points: int = 100, **more: object) -> None:
    body = {
        "key": key,
        "name": key.title(),
        "goals": goals,
        "rewards": [{"kind": "points", "points": points}],
        **more,
    }
    drafted = door.call("POST", "/programs/wine/campaigns", body)
    assert drafted.status_code == 201, drafted.text
    published = door.call("POST", f"/programs/wine/campaigns/{key}/publish")
    assert (published.status_code, published.json()["status"]) == (200, "published")


def bought(member_id: str, sku: str, amount: str, quantity: str = "1") -> dict[str, object]:
    line = {"line_id": "1", "sku": sku, "amount": amount, "quantity": quantity}
    return {**purchase(member_id, amount), "items": [line]}


def standing(door: Door, member_id: str, key: str) -> dict[str, Any]:
    answer = door.call("GET", f"/programs/wine/members/{member_id}/campaigns")
    assert answer.status_code == 200, answer.text
    [found] = [one for one in answer.json()["data"] if one["key"] == key]
    return dict(found)


def counted(door: Door, member_id: str, key: str) -> tuple[str, int, list[str]]:
    """Status, how often completed, and what counts for each goal."""
    told = standing(door, member_id, key)
    return told["status"], told["completed"], [goal["counted"] for goal in told["goals"]]


def bonuses(door: Door, member_id: str) -> list[int]:
    """The points that campaigns have paid the member."""
    return [
        entry["change"]["available"]
        for entry in door.entries(member_id)
        if entry["text"].endswith(")") and "(till-1" not in entry["text"]
    ]


def wait_for_points(door: Door, member_id: str, points: int) -> None:
    until(lambda: door.standing(member_id)[0] >= points, f"{points} points of {member_id}")
    assert door.standing(member_id)[0] == points


def wait_for(door: Door, member_id: str, points: int) -> None:
    until(lambda: door.standing(member_id)[0] == points, f"{points} points of {member_id}")


def give_back(door: Door, activity_id: str) -> None:
    returned = door.call("POST", f"/earns/{activity_id}/returns", {"return_id": uuid4().hex})
    assert returned.status_code == 202, returned.text


def test_buy_bread_for_100_in_one_purchase__buys_for_99__progress_0(door: Door) -> None:
    door.enrol("ann")
    define(door, BREAD)
    publish(door, "bread", ["bread-100"])
    for _ in range(2):  # together more than 100, but not in one purchase
        assert door.post(bought("ann", "bread", "99")).json()["points"] == 99
    assert counted(door, "ann", "bread") == ("open", 0, ["0.00"])
    assert door.standing("ann")[0] == 198


def test_buy_bread_for_100_in_one_purchase__buys_for_101__completed_100_points_once(
    door: Door,
) -> None:
    door.enrol("ann")
    define(door, BREAD)
    publish(door, "bread", ["bread-100"])
    door.post(bought("ann", "bread", "101"))
    assert counted(door, "ann", "bread") == ("completed", 1, ["1.00"])
    wait_for_points(door, "ann", 201)
    door.post(bought("ann", "bread", "101"))
    assert counted(door, "ann", "bread") == ("completed", 1, ["1.00"])
    wait_for_points(door, "ann", 302)
    assert door.entries("ann")[1]["text"] == "100 points earned (Bread)"
    report = door.call("GET", "/programs/wine/campaigns/bread/report").json()
    assert report == {
        "in_progress": 0,
        "members_completed": 1,
        "completions": 1,
        "points_promised": 100,
        "points_paid": 100,
        "rewards_given": 0,
        "rewards_waiting": 0,
    }


def test_buy_bread_for_100_in_one_purchase__by_its_setting_again(door: Door) -> None:
    door.enrol("ann")
    define(door, BREAD)
    publish(door, "bread", ["bread-100"], times=2)
    for expected in (1, 2, 2):
        door.post(bought("ann", "bread", "101"))
        assert counted(door, "ann", "bread")[1] == expected
    wait_for_points(door, "ann", 3 * 101 + 2 * 100)


def test_a_goal_shared_by_two_campaigns__met_once__both_progress(door: Door) -> None:
    door.enrol("ann")
    define(door, BREAD, COFFEES)
    publish(door, "bread", ["bread-100"], points=10)
    publish(door, "breakfast", ["bread-100", "ten-coffees"], points=1000)
    door.post(bought("ann", "bread", "100"))
    assert counted(door, "ann", "bread") == ("completed", 1, ["1.00"])
    assert counted(door, "ann", "breakfast") == ("in_progress", 0, ["1.00", "0.00"])
    wait_for_points(door, "ann", 110)


def test_ten_coffees__four_and_seven_of_them__one_is_left_for_the_next_round(door: Door) -> None:
    door.enrol("ann")
    define(door, COFFEES)
    publish(door, "coffee", ["ten-coffees"], times=5)
    door.post(bought("ann", "coffee", "12", "4"))
    assert counted(door, "ann", "coffee") == ("in_progress", 0, ["4.00"])
    door.post(bought("ann", "coffee", "21", "7"))
    assert counted(door, "ann", "coffee") == ("in_progress", 1, ["1.00"])
    wait_for_points(door, "ann", 133)


def test_the_same_purchase_posted_20_times_at_once__counts_once(door: Door) -> None:
    door.enrol("ann")
    define(door, COFFEES)
    publish(door, "coffee", ["ten-coffees"], times=5)
    coffee = bought("ann", "coffee", "3", "1")
    at_once(20, lambda _: door.post(coffee))
    assert counted(door, "ann", "coffee") == ("in_progress", 0, ["1.00"])


def test_30_purchases_at_once__each_counts_and_each_round_is_paid_once(door: Door) -> None:
    door.enrol("ann")
    define(door, COFFEES)
    publish(door, "coffee", ["ten-coffees"], times=100)
    at_once(30, lambda _: door.post(bought("ann", "coffee", "1", "3")))
    wait_for_points(door, "ann", 30 + 900)
    assert counted(door, "ann", "coffee") == ("in_progress", 9, ["0.00"])
    assert bonuses(door, "ann") == [100] * 9


@pytest.mark.parametrize(
    ("goal", "earn"),
    [
        ({"kind": "visit", "times": 1}, {"kind": "visit"}),
        (
            {"kind": "activity", "attributes": {"type": "review"}, "times": 1},
            {"kind": "event", "attributes": {"type": "review", "stars": 5}},
        ),
    ],
)
def test_a_visit_and_an_event_count(
    door: Door, goal: dict[str, object], earn: dict[str, object]
) -> None:
    door.enrol("ann")
    define(door, {"key": "g", "name": "G", **goal})
    publish(door, "c", ["g"], points=25)
    told = {name: value for name, value in purchase("ann", "1").items() if name[:2] != "am"}
    del told["currency"]
    door.post({**told, **earn})
    assert counted(door, "ann", "c") == ("completed", 1, ["1.00"])
    wait_for_points(door, "ann", 25)


def test_reaching_gold_completes_what_asks_for_it(door: Door) -> None:
    door.enrol("ann")
    define(door, {"key": "gold", "name": "Gold", "kind": "tier", "tier": "gold"})
    publish(door, "rise", ["gold"])
    door.buy("ann", "1000")  # platinum at once: gold was reached on the way
    assert counted(door, "ann", "rise") == ("completed", 1, ["1.00"])
    wait_for_points(door, "ann", 1100)


def test_one_of_two_goals_is_enough_where_the_campaign_says_so(door: Door) -> None:
    door.enrol("ann")
    define(door, BREAD, COFFEES)
    publish(door, "any", ["bread-100", "ten-coffees"], goals_needed=1)
    door.post(bought("ann", "coffee", "10", "10"))
    assert counted(door, "ann", "any") == ("completed", 1, ["0.00", "10.00"])


def test_what_occurred_outside_the_window_does_not_count__however_late_it_comes(
    door: Door,
) -> None:
    door.enrol("ann")
    define(door, COFFEES)
    publish(door, "coffee", ["ten-coffees"])
    door.post(bought("ann", "coffee", "1", "4"))
    ended = door.call("POST", "/programs/wine/campaigns/coffee/end")
    assert (ended.status_code, ended.json()["status"]) == (200, "ended")
    late = bought("ann", "coffee", "1", "3")  # of an hour ago: within the window
    assert door.post(late).status_code == 200
    after = {**bought("ann", "coffee", "1", "3"), "occurred_at": ended.json()["ends_at"]}
    assert door.post(after).status_code == 200
    assert counted(door, "ann", "coffee") == ("over", 0, ["7.00"])


def test_a_returned_purchase_takes_its_progress_back__what_was_completed_stays(
    door: Door,
) -> None:
    door.enrol("ann")
    define(door, COFFEES)
    publish(door, "coffee", ["ten-coffees"], times=2)
    first = door.post(bought("ann", "coffee", "6", "6")).json()["id"]
    give_back(door, first)
    until(lambda: counted(door, "ann", "coffee")[2] == ["0.00"], "the return to count")
    second = door.post(bought("ann", "coffee", "12", "12")).json()["id"]
    assert counted(door, "ann", "coffee") == ("in_progress", 1, ["2.00"])
    wait_for_points(door, "ann", 112)
    give_back(door, second)
    wait_for(door, "ann", 100)
    assert counted(door, "ann", "coffee") == ("in_progress", 1, ["0.00"])


def test_a_voucher_and_a_multiplier_are_won(door: Door) -> None:
    door.enrol("ann")
    offer = {
        "key": "tour",
        "kind": "voucher",
        "points": 500,
        "texts": {"en": {"name": "A tour of the brewery"}},
        "vouchers": {"from": "generated"},
    }
    assert door.call("POST", "/programs/wine/rewards", offer).status_code == 201
    define(door, COFFEES)
    publish(
        door,
        "coffee",
        ["ten-coffees"],
        rewards=[
            {"kind": "reward", "reward": "tour"},
            {"kind": "multiplier", "factor": "3", "days": 30},
        ],
    )
    door.post(bought("ann", "coffee", "10", "10"))
    path = "/programs/wine/members/ann/vouchers"
    until(lambda: len(door.call("GET", path).json()["data"]) == 1, "the voucher")
    since = {**bought("ann", "wine", "7"), "occurred_at": datetime.now(UTC).isoformat()}
    assert door.post(since).json()["points"] == 21
    assert door.standing("ann")[0] == 31


def test_leaving_and_joining_again__a_campaign_for_once_is_not_done_twice(door: Door) -> None:
    door.enrol("ann")
    define(door, BREAD)
    publish(door, "bread", ["bread-100"])
    door.post(bought("ann", "bread", "101"))
    wait_for_points(door, "ann", 201)
    door.call("DELETE", "/programs/wine/members/ann")
    door.enrol("ann")
    door.post(bought("ann", "bread", "101"))
    assert counted(door, "ann", "bread") == ("completed", 1, ["1.00"])
    assert door.standing("ann")[0] == 101
