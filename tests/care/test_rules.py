"""Limits, periods, parcels, and taking back: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.care.rules import (
    NotTransferable,
    Period,
    Standing,
    alone_up_to,
    check_transfer,
    merged,
    needs_a_second,
    period_start,
)
from loyalty.ledger.rules import MAX_POINTS
from loyalty.tiers.rules import Held

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
PERIODS = st.sampled_from(get_args(Period))
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia"])
INSTANTS = st.integers(0, 3650 * 24).map(lambda hours: AT - timedelta(hours=hours))
POINTS = st.integers(1, 1000)


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


TIERS = {"basic": 0, "gold": 500}


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """A membership of any sort."""
    key = draw(st.sampled_from(sorted(TIERS)))
    held = Held(key, draw(INSTANTS), draw(st.none() | INSTANTS), draw(st.none() | INSTANTS))
    status = draw(st.sampled_from(["active", "suspended", "cancelled"]))
    return Standing(status, draw(INSTANTS), held, TIERS[key], draw(POINTS))


@given(standings(), standings())
def test_a_merge_takes_nothing_away_and_reinstates_nobody(one: Standing, other: Standing) -> None:
    both = merged(one, other)
    present = [each for each in (one, other) if each.status != "cancelled"]
    if not present:
        assert both == one
        return
    assert merged(other, one) == both
    assert both.threshold == TIERS[both.held.key] == max(each.threshold for each in present)
    assert both.tier_points == sum(each.tier_points for each in present)
    assert both.joined_at == min(each.joined_at for each in present)
    assert (both.status == "suspended") == any(each.status == "suspended" for each in present)
    for each in present:
        if each.held.key == both.held.key:
            assert both.held.since <= each.held.since
            assert (
                both.held.until is None or (each.held.until or both.held.until) <= both.held.until
            )
        if each.held.protected_until:
            assert both.held.protected_until
            assert each.held.protected_until <= both.held.protected_until
