"""Stories of rewards, holds and cancellations, to the point."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.scenarios.door import Door, at_once
from tests.stack import Stack, until

NAME = {"en": {"name": "It"}}


def offer(door: Door, **more: object) -> None:
    """A reward "it" of 10 points."""
    body = {"key": "it", "kind": "goods", "points": 10, "texts": NAME, **more}
    offered = door.call("POST", "/programs/wine/rewards", body)
    assert offered.status_code == 201, offered.text


def redeem(door: Door, member_id: str, key: str | None = None, **what: object) -> requests.Response:
    """Redeems whatever is named."""
    path = f"/programs/wine/members/{member_id}/redemptions"
    return door.call("POST", path, what, Idempotency_Key=key or uuid4().hex)


def go(door: Door, redemption: str, act: str, key: str | None = None) -> requests.Response:
    """Captures, releases, cancels …"""
    path = f"/redemptions/{redemption}/{act}"
    return door.call("POST", path, {}, Idempotency_Key=key or uuid4().hex)


def kinds(door: Door, member_id: str = "ann") -> list[str]:
    """The kinds of a member's entries, the oldest first."""
    return [one["kind"] for one in reversed(door.entries(member_id))]


def reward(door: Door) -> dict[str, Any]:
    """The reward "it"."""
    told: dict[str, Any] = door.call("GET", "/programs/wine/rewards/it").json()
    return told


def test_50_in_stock__200_parallel_redemptions_of_20_members__50_succeed(door: Door) -> None:
    members = [f"m-{number}" for number in range(20)]
    for member in members:
        door.enrol(member)
        door.adjust(member, 1000)
    offer(door, stock=50)
    answers = at_once(200, lambda number: redeem(door, members[number % 20], reward="it"))
    refused = [one for one in answers if one.status_code != 201]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(409, "out_of_stock")}
    assert len(refused) == 150
    assert reward(door)["stock"] == {"total": 50, "remaining": 0}
    left = sum(door.standing(member)[0] for member in members)
    assert left == 20 * 1000 - 50 * 10


def test_60_codes__200_parallel_redemptions_of_one_member__60_codes_each_once(door: Door) -> None:
    door.enrol("ann")
    door.adjust("ann", 10_000)
    offer(door, kind="voucher", vouchers={"from": "pool"})
    codes = [f"C-{number:03}" for number in range(60)]
    door.call("POST", "/programs/wine/rewards/it/vouchers", {"codes": codes})
    answers = at_once(200, lambda _: redeem(door, "ann", reward="it"))
    given = [one.json()["voucher"]["code"] for one in answers if one.status_code == 201]
    refused = {one.json()["code"] for one in answers if one.status_code != 201}
    assert (sorted(given), refused) == (codes, {"voucher_gone"})
    assert door.standing("ann")[0] == 10_000 - 600


def test_5_in_stock__held_released_and_cancelled_by_many_at_once__5_in_stock(door: Door) -> None:
    members = [f"m-{number}" for number in range(10)]
    for member in members:
        door.enrol(member)
        door.adjust(member, 100)
    offer(door, stock=5)

    def there_and_back(number: int) -> requests.Response:
        member = members[number % 10]
        hold = {"hold": {"expires_in_s": 600}} if number % 2 else {}
        made = redeem(door, member, None, reward="it", **hold)
        return go(door, made.json()["id"], "release" if hold else "cancel") if made.ok else made

    answers = at_once(60, there_and_back)
    assert {one.status_code for one in answers} <= {200, 409}
    assert {one.json()["code"] for one in answers if one.status_code == 409} <= {"out_of_stock"}
    assert reward(door)["stock"] == {"total": 5, "remaining": 5}
    assert {door.standing(member)[0] for member in members} == {100}


def test_a_refusal_s_answer_is_lost__repeated__the_same_refusal(door: Door) -> None:
    door.enrol("ann")
    door.adjust("ann", 100)
    offer(door, stock=0)
    key = uuid4().hex
    first = redeem(door, "ann", key, reward="it")
    assert (first.status_code, first.json()["code"]) == (409, "out_of_stock")
    body = {"change": 5, "reason": "new ones came"}
    path = "/programs/wine/rewards/it/stock"
    assert door.call("POST", path, body, Idempotency_Key=uuid4().hex).status_code == 200
    again = redeem(door, "ann", key, reward="it")
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert redeem(door, "ann", reward="it").status_code == 201


def test_an_answer_is_lost__also_when_the_server_was_killed_in_between(
    door: Door, stack: Stack
) -> None:
    door.enrol("ann")
    door.adjust("ann", 100)
    offer(door, kind="voucher", vouchers={"from": "generated"})
    made_key, cancel_key = uuid4().hex, uuid4().hex
    made = redeem(door, "ann", made_key, reward="it")
    cancelled = go(door, made.json()["id"], "cancel", cancel_key)
    assert (made.status_code, cancelled.status_code) == (201, 200)
    stack.web.kill()
    stack.web.start()
    assert redeem(door, "ann", made_key, reward="it").content == made.content
    assert go(door, made.json()["id"], "cancel", cancel_key).content == cancelled.content
    assert door.standing("ann")[0] == 100


def test_one_hold__captured_and_released_by_20_at_once__one_of_both(door: Door) -> None:
    door.enrol("ann")
    door.adjust("ann", 100)
    held = redeem(door, "ann", points=40, hold={"expires_in_s": 600}).json()["id"]
    acts = ["capture", "release"]
    answers = at_once(20, lambda number: go(door, held, acts[number % 2]))
    done = [one.json()["status"] for one in answers if one.status_code == 200]
    refused = {one.json()["code"] for one in answers if one.status_code == 409}
    assert (len(done), refused) == (1, {"wrong_state"})
    spent = {"captured": 40, "released": 0}[done[0]]
    assert door.standing("ann")[0] == 100 - spent
    assert door.member("ann").json()["points"]["held"] == 0


@pytest.fixture
def wine(sandbox: Door) -> Door:
    """A sandbox whose points live for 10 days."""
    sandbox.open_program("wine", expiry={"kind": "days", "n": 10})
    sandbox.enrol("ann")
    return sandbox


def test_a_lot_expires_while_held__the_hold_is_released__those_points_expire_and_it_says_so(
    wine: Door,
) -> None:
    wine.buy("ann", "100", at=wine.now())
    held = redeem(wine, "ann", points=60, hold={"expires_in_s": 20 * 86_400}).json()["id"]
    wine.advance("P11D")
    released = go(wine, held, "release")
    assert (released.status_code, released.json()["status"]) == (200, "released")
    assert released.json()["balance"] == {"available": 0, "pending": 0, "held": 0, "owed": 0}
    assert kinds(wine) == ["award", "hold", "expire", "release", "expire"]
    assert wine.entries("ann")[0]["text"] == "60 points expired"


def test_a_burn_is_cancelled_after_the_lot_s_expiry__expired_at_once(wine: Door) -> None:
    wine.buy("ann", "100", at=wine.now())
    burn = redeem(wine, "ann", points=60).json()["id"]
    wine.advance("P11D")
    cancelled = go(wine, burn, "cancel")
    assert cancelled.json()["balance"]["available"] == 0
    assert kinds(wine) == ["award", "redeem", "expire", "cancel", "expire"]
    assert wine.entries("ann")[0]["text"] == "60 points expired"


def test_a_burn_is_cancelled_after_the_lot_s_expiry__alive_for_grace_days(sandbox: Door) -> None:
    sandbox.open_program("wine", expiry={"kind": "days", "n": 10}, grace_days=7)
    sandbox.enrol("ann")
    sandbox.buy("ann", "100", at=sandbox.now())
    burn = redeem(sandbox, "ann", points=60).json()["id"]
    sandbox.advance("P11D")
    go(sandbox, burn, "cancel")
    assert sandbox.standing("ann")[0] == 60
    sandbox.advance("P6D")
    assert sandbox.standing("ann")[0] == 60
    sandbox.advance("P2D")
    assert sandbox.standing("ann")[0] == 0


def test_a_hold_s_time_is_over__beat_lets_it_lapse(sandbox: Door, stack: Stack) -> None:
    sandbox.open_program("wine")
    sandbox.enrol("ann")
    sandbox.adjust("ann", 100)
    offer(sandbox, stock=1)
    held = redeem(sandbox, "ann", reward="it", hold={"expires_in_s": 3600}).json()["id"]
    sandbox.advance("PT1H")
    assert go(sandbox, held, "capture").json()["code"] == "wrong_state"
    stack.tick("lifecycle.lapse")
    until(lambda: reward(sandbox)["stock"]["remaining"] == 1, "the hold to lapse")
    assert kinds(sandbox) == ["adjust", "hold", "lapse"]
    assert sandbox.call("GET", f"/redemptions/{held}").json()["status"] == "lapsed"
    assert sandbox.standing("ann")[0] == 100


def test_a_hold_s_time_is_over__a_burn_of_all_points__the_hold_lapses_on_its_way(
    sandbox: Door,
) -> None:
    sandbox.open_program("wine")
    sandbox.enrol("ann")
    sandbox.adjust("ann", 100)
    redeem(sandbox, "ann", points=40, hold={"expires_in_s": 3600})
    assert redeem(sandbox, "ann", points=100).status_code == 409
    sandbox.advance("PT1H")
    burn = redeem(sandbox, "ann", points=100)
    assert (burn.status_code, burn.json()["balance"]["available"]) == (201, 0)
    assert kinds(sandbox) == ["adjust", "hold", "lapse", "redeem"]


def test_enrolled_points_held__leaves__they_are_forfeited(door: Door) -> None:
    door.enrol("ann")
    door.adjust("ann", 120)
    offer(door, stock=1)
    held = redeem(door, "ann", reward="it", hold={"expires_in_s": 600}).json()["id"]
    assert door.call("DELETE", "/programs/wine/members/ann").status_code == 200
    assert kinds(door) == ["adjust", "hold", "lapse", "forfeit"]
    assert reward(door)["stock"]["remaining"] == 1
    assert go(door, held, "capture").json()["code"] == "wrong_state"
