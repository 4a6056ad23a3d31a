"""Workers are killed while members complete campaigns: each round is counted and paid once."""

from __future__ import annotations

import pytest

from tests.scenarios.door import Door
from tests.scenarios.test_campaigns import COFFEES, bought, counted, define, publish
from tests.stack import Stack, until

NAMES = ("ann", "bob", "carl")
COFFEES_EACH, ROUNDS = 40, 4
KILLS = 2
POINTS = COFFEES_EACH + 100 * ROUNDS


def points(door: Door) -> int:
    """What all of them have."""
    return sum(door.standing(name)[0] for name in NAMES)


def mugs(door: Door, member_id: str) -> int:
    """How many mugs the member was given."""
    answer = door.call("GET", f"/programs/wine/members/{member_id}/redemptions?limit=200")
    return len(answer.json()["data"])


@pytest.mark.timeout(200)
def test_a_worker_is_killed_twice_meanwhile__each_round_is_paid_once(
    door: Door, stack: Stack
) -> None:
    offer = {"key": "mug", "kind": "goods", "points": 500, "texts": {"en": {"name": "A mug"}}}
    assert door.call("POST", "/programs/wine/rewards", offer).status_code == 201
    define(door, COFFEES)
    rewards = [{"kind": "points", "points": 100}, {"kind": "reward", "reward": "mug"}]
    publish(door, "coffee", ["ten-coffees"], rewards=rewards, times=50)
    for name in NAMES:
        door.enrol(name)
    earns = [bought(name, "coffee", "1") for _ in range(COFFEES_EACH) for name in NAMES]

    for start in range(0, len(earns), len(earns) // KILLS):
        before = points(door)
        part = earns[start : start + len(earns) // KILLS]
        posted = door.call("POST", "/programs/wine/earns/batch", {"earns": part})
        assert posted.json()["summary"]["accepted"] == len(part)
        until(lambda before=before: points(door) > before, "points")  # type: ignore[misc]
        stack.worker.kill()
        stack.worker.start()
    stack.sweeper.start()
    stack.beat.start()
    try:
        until(lambda: all(door.standing(name)[0] >= POINTS for name in NAMES), "all points", 60)
        until(lambda: all(mugs(door, name) >= ROUNDS for name in NAMES), "all mugs", 60)
    finally:
        stack.beat.stop()
        stack.sweeper.stop()
    for name in NAMES:
        assert counted(door, name, "coffee") == ("in_progress", ROUNDS, ["0.00"])
        assert door.standing(name)[0] == POINTS
        assert mugs(door, name) == ROUNDS
    assert door.call("GET", "/audit").json()["broken"] == []
