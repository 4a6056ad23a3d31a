"""When a day begins and ends, and how far two totals are apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from loyalty.earning.totals.rules import NOTHING, Total, bounds

DAY = timedelta(days=1)
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))
zones = st.sampled_from(
    ["UTC", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Auckland"]
).map(ZoneInfo)
totals = st.builds(Total, st.integers(0, 10**6), st.decimals(0, 10**12, places=4, allow_nan=False))


@given(days, zones)
def test_days_follow_each_other_without_a_gap(day: date, zone: ZoneInfo) -> None:
    first, after = bounds(day, zone)
    assert after == bounds(day + DAY, zone)[0]
    assert timedelta(hours=23) <= after - first <= timedelta(hours=25)


@given(days, zones, st.integers(0, 23 * 3600 - 1))
def test_what_lies_between_is_of_that_day(day: date, zone: ZoneInfo, seconds: int) -> None:
    first, _ = bounds(day, zone)
    assert (first + timedelta(seconds=seconds)).astimezone(zone).date() == day
    assert (first - timedelta(microseconds=1)).astimezone(zone).date() == day - DAY


def test_a_day_of_the_change_of_clocks_is_shorter() -> None:
    assert bounds(date(2026, 3, 8), ZoneInfo("America/New_York")) == (
        datetime(2026, 3, 8, 5, tzinfo=UTC),
        datetime(2026, 3, 9, 4, tzinfo=UTC),
    )


@given(totals, totals)
def test_a_difference_leads_from_one_to_the_other(one: Total, other: Total) -> None:
    assert other + (one - other) == one
    assert one - one == NOTHING
