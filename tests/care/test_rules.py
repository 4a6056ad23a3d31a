"""Limits, periods, parcels, and taking back: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.care.rules import (
    Movement,
    NotTransferable,
    Parcel,
    Period,
    Standing,
    alone_up_to,
    check_transfer,
    merged,
    needs_a_second,
    parcels,
    period_start,
    undone,
)
from loyalty.ledger.rules import MAX_POINTS, Balance, Bucket, Draw, Lot, LotsTooShort, draw, move

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
PERIODS = st.sampled_from(get_args(Period))
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia"])
INSTANTS = st.integers(0, 3650 * 24).map(lambda hours: AT - timedelta(hours=hours))
POINTS = st.integers(1, 1000)
EXPIRIES = st.none() | st.integers(1, 4).map(lambda days: AT + timedelta(days=days))


@pytest.mark.parametrize(
    ("role", "points", "waits"),
    [
        ("support", 100, False),
        ("support", -100, False),
        ("support", 101, True),
        ("support", -101, True),
        ("admin", 5000, False),
        ("admin", 5001, True),
    ],
)
def test_each_role_has_a_limit_of_its_own(role: str, points: int, waits: bool) -> None:
    assert needs_a_second(points, alone_up_to(role, 100, 5000)) is waits


def test_admins_need_nobody_unless_the_program_says_so() -> None:
    assert not needs_a_second(-MAX_POINTS, alone_up_to("admin", 100, None))


@pytest.mark.parametrize(
    ("period", "begins"),
    [
        ("day", "2026-07-01T00:00:00+02:00"),
        ("week", "2026-06-29T00:00:00+02:00"),
        ("month", "2026-07-01T00:00:00+02:00"),
        ("year", "2026-01-01T00:00:00+01:00"),
    ],
)
def test_a_period_begins_by_the_programs_calendar(period: Period, begins: str) -> None:
    assert period_start(period, AT, "Europe/Paris") == datetime.fromisoformat(begins)


@given(PERIODS, INSTANTS, ZONES)
def test_a_period_begins_at_midnight_and_is_the_same_all_along(
    period: Period, at: datetime, zone: str
) -> None:
    begins = period_start(period, at, zone)
    local = begins.astimezone(ZoneInfo(zone))
    assert begins <= at
    assert period_start(period, begins, zone) == begins
    assert (local.hour, local.minute) == (0, 0)


@given(
    st.lists(POINTS, max_size=20),
    st.integers(1, 500),
    st.none() | st.integers(1, 900),
    st.none() | st.integers(1, 2000),
)
def test_what_is_given_in_a_period_never_passes_its_limits(
    wanted: list[int], at_least: int, at_most: int | None, per_period: int | None
) -> None:
    given_so_far = 0
    for points in wanted:
        try:
            check_transfer(
                points,
                given_so_far,
                at_least=at_least,
                at_most=at_most,
                per_period=per_period,
                period="month",
            )
        except NotTransferable:
            allowed = at_least <= points <= (at_most or MAX_POINTS)
            assert not allowed or given_so_far + points > (per_period or MAX_POINTS)
        else:
            given_so_far += points
            assert at_least <= points <= (at_most or MAX_POINTS)
    assert given_so_far <= (per_period or given_so_far)


def test_a_refused_transfer_says_what_is_left() -> None:
    with pytest.raises(NotTransferable, match="in a week; 10 are left"):
        check_transfer(11, 90, at_least=1, at_most=None, per_period=100, period="week")


@given(st.lists(st.tuples(POINTS, EXPIRIES, st.booleans()), min_size=1, max_size=8), POINTS)
def test_parcels_are_the_draws_gathered_by_their_dates(
    held: list[tuple[int, datetime | None, bool]], points: int
) -> None:
    lots = [
        Lot(number, remaining, expires_at, None, active)
        for number, (remaining, expires_at, active) in enumerate(held, 1)
    ]
    try:
        draws = draw(lots, points, AT)
    except LotsTooShort:
        return
    gathered = parcels({lot.id: lot.expires_at for lot in lots}, draws)
    assert sum(one.points for one in gathered) == points
    assert sorted(d.lot_id for one in gathered for d in one.draws) == sorted(
        one.lot_id for one in draws
    )
    assert len({one.life for one in gathered}) == len(gathered)
    for one in gathered:
        for taken in one.draws:
            assert lots[taken.lot_id - 1].expires_at == one.life


def test_no_draws_are_no_parcels() -> None:
    assert parcels({1: "long"}, []) == []
    assert parcels({1: "long"}, [Draw(1, 5)]) == [Parcel("long", (Draw(1, 5),))]


_BUCKETS = st.sampled_from(list(Bucket))


@given(st.lists(st.tuples(_BUCKETS, _BUCKETS, POINTS), max_size=12))
def test_what_is_undone_leaves_everything_as_it_was(
    wanted: list[tuple[Bucket, Bucket, int]],
) -> None:
    balance = before = Balance(5000, 5000, 5000, 5000)
    done: list[Movement] = []
    for from_bucket, to_bucket, points in wanted:
        try:
            balance = move(balance, from_bucket, to_bucket, points)
        except (ValueError, ArithmeticError):
            continue
        done.append(Movement(len(done) + 1, from_bucket, to_bucket, points))
    for one in undone(done):
        balance = move(balance, one.from_bucket, one.to_bucket, one.points)
    assert balance == before


def test_a_lot_that_was_made_is_emptied_and_what_was_drawn_returns() -> None:
    made = Movement(7, Bucket.TRANSFERRED, Bucket.AVAILABLE, 10, made=True)
    drawn = Movement(8, Bucket.AVAILABLE, Bucket.OWED, 3, (Draw(7, 3),))
    assert undone([made, drawn]) == [
        Movement(8, Bucket.OWED, Bucket.AVAILABLE, 3, (Draw(7, 3),)),
        Movement(7, Bucket.AVAILABLE, Bucket.TRANSFERRED, 10, (Draw(7, 10),)),
    ]


STANDINGS = st.builds(
    Standing,
    status=st.sampled_from(["active", "suspended", "cancelled"]),
    joined_at=INSTANTS,
    tier_key=st.just("basic"),
    tier_threshold=st.just(0),
    tier_since=INSTANTS,
    tier_until=st.none() | INSTANTS,
    tier_points=POINTS,
) | st.builds(
    Standing,
    status=st.sampled_from(["active", "suspended", "cancelled"]),
    joined_at=INSTANTS,
    tier_key=st.just("gold"),
    tier_threshold=st.just(500),
    tier_since=INSTANTS,
    tier_until=st.none() | INSTANTS,
    tier_points=POINTS,
)


@given(STANDINGS, STANDINGS)
def test_a_merge_takes_nothing_away_and_reinstates_nobody(one: Standing, other: Standing) -> None:
    both = merged(one, other)
    present = [each for each in (one, other) if each.status != "cancelled"]
    if not present:
        assert both == one
        return
    assert both.tier_threshold == max(each.tier_threshold for each in present)
    assert both.tier_points == sum(each.tier_points for each in present)
    assert both.joined_at == min(each.joined_at for each in present)
    assert (both.status == "suspended") == any(each.status == "suspended" for each in present)
    if one.status != "cancelled" or other.status != "cancelled":
        assert merged(other, one) == both or len(present) == 2
