"""Stories of earning and of tiers, to the point."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.scenarios.door import Door, at_once, purchase

MOST = 9_007_199_254_740_991


@pytest.mark.parametrize("dollars", [1, 2, 100, 499, 123_456])
def test_enrolled_1_usd_is_1_point__buys_for_x_usd__x_points(door: Door, dollars: int) -> None:
    door.enrol("ann")
    bought = door.buy("ann", str(dollars))
    assert (bought.status_code, bought.json()["points"]) == (200, dollars)
    assert door.standing("ann")[0] == dollars


@pytest.mark.parametrize(
    ("points", "dollars", "standing"),
    [(499, 1, (500, "Gold")), (999, 1, (1000, "Platinum")), (0, 1000, (1000, "Platinum"))],
)
def test_points__buys_for_usd__tier(
    door: Door, points: int, dollars: int, standing: tuple[int, str]
) -> None:
    door.enrol("ann")
    if points:
        door.adjust("ann", points)
    door.buy("ann", str(dollars))
    assert door.standing("ann") == standing


@pytest.mark.parametrize(
    ("points", "tier"),
    [
        (0, "Basic"),
        (499, "Basic"),
        (500, "Gold"),
        (501, "Gold"),
        (999, "Gold"),
        (1000, "Platinum"),
        (2_147_483_647, "Platinum"),
        (MOST, "Platinum"),
    ],
)
def test_points_by_adjustment__queried__tier_and_the_exact_number(
    door: Door, points: int, tier: str
) -> None:
    door.enrol("ann")
    if points:
        assert door.adjust("ann", points).json()["balance"]["available"] == points
    assert door.standing("ann") == (points, tier)
    assert f'"available":{points},' in door.member("ann").text


def test_the_most_an_account_can_hold__earns_one_more__rejected_and_its_batch_goes_on(
    door: Door,
) -> None:
    for member in ("ann", "bob"):
        door.enrol(member)
    door.adjust("ann", MOST)
    before = door.member("ann").json()
    earns = [purchase("bob", "1"), purchase("ann", "1"), purchase("bob", "2")]

    posted = door.call("POST", "/programs/wine/earns/batch", {"earns": earns})
    assert posted.status_code == 202
    told = [door.post(earn).json() for earn in earns]
    assert [one["status"] for one in told] == ["awarded", "rejected", "awarded"]
    assert told[1]["reason"] == "account_full"
    assert str(MOST) in told[1]["detail"]
    assert door.member("ann").json() == before
    assert door.standing("bob") == (3, "Basic")


def test_1000_points_platinum__burns_600__400_still_platinum(door: Door) -> None:
    door.enrol("ann")
    door.buy("ann", "1000")
    assert door.burn("ann", 600).status_code == 201
    assert door.standing("ann") == (400, "Platinum")


def test_wine_and_dine_100_usd_is_5_frequent_flyer_100_usd_is_1__each_balance_its_own(
    door: Door,
) -> None:
    door.open_program("wine-and-dine", earn_rate={"points": 5, "per": "100"})
    door.open_program("frequent-flyer", earn_rate={"points": 1, "per": "100"})
    for program in ("wine-and-dine", "frequent-flyer"):
        assert door.enrol("ann", program).status_code == 201
        door.buy("ann", "300", program)
    assert door.standing("ann", "wine-and-dine") == (15, "Basic")
    assert door.standing("ann", "frequent-flyer") == (3, "Basic")


@pytest.mark.parametrize(("step", "points"), [("proportional", 12), ("whole", 10)])
def test_100_usd_is_5__buys_for_250__12_proportional_10_by_whole_steps(
    door: Door, step: str, points: int
) -> None:
    door.open_program("steps", earn_rate={"points": 5, "per": "100", "step": step})
    door.enrol("ann", "steps")
    assert door.buy("ann", "250", "steps").json()["points"] == points


def test_same_purchase_posted_3_times_at_once_from_3_servers__one_award_one_id(
    door: Door,
) -> None:
    door.enrol("ann")
    servers = [door.as_role("server") for _ in range(3)]
    earn = purchase("ann", "10")
    answers = at_once(3, lambda n: servers[n].post(earn))
    assert [one.status_code for one in answers] == [200] * 3
    assert len({one.json()["id"] for one in answers}) == 1
    assert door.standing("ann") == (10, "Basic")
    assert len(door.entries("ann")) == 1


def test_12_5_then_12_50_at_another_offset_of_the_same_instant__the_same_purchase(
    door: Door,
) -> None:
    door.enrol("ann")
    earn = purchase("ann", "12.5")
    elsewhere = datetime.fromisoformat(str(earn["occurred_at"])).astimezone(
        timezone(timedelta(hours=5, minutes=45))
    )
    same = {**earn, "amount": "12.50", "occurred_at": elsewhere.isoformat()}
    first = door.post(earn)
    again = door.post(same)
    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert door.standing("ann") == (12, "Basic")


def test_same_transaction_id_other_amount__422_nothing_changed(door: Door) -> None:
    door.enrol("ann")
    earn = purchase("ann", "10")
    door.post(earn)
    other = door.post({**earn, "amount": "11"})
    assert (other.status_code, other.json()["code"]) == (422, "transaction_mismatch")
    assert door.standing("ann") == (10, "Basic")
    assert len(door.entries("ann")) == 1


def test_same_transaction_id_from_another_source__its_own_purchase(door: Door) -> None:
    door.enrol("ann")
    earn = purchase("ann", "10")
    answers = [door.post({**earn, "source": source}) for source in ("till-1", "till-2")]
    assert len({one.json()["id"] for one in answers}) == 2
    assert door.standing("ann") == (20, "Basic")
