"""How far a clock goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.tenants.rules import Duration, later

_instants = st.integers(1_577_836_800, 3_786_912_000).map(
    lambda second: datetime.fromtimestamp(second, UTC)
)
_durations = st.builds(
    Duration, st.integers(0, 240), st.timedeltas(timedelta(0), timedelta(days=4000))
)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-11-30", 1, "2026-12-30"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2026-12-31", 2, "2027-02-28"),
    ],
)
def test_months_are_those_of_the_calendar(start: str, months: int, end: str) -> None:
    after = later(datetime.fromisoformat(start), Duration(months, timedelta(0)))
    assert after == datetime.fromisoformat(end)


@given(_instants, _durations)
def test_a_clock_only_goes_forward(at: datetime, by: Duration) -> None:
    after = later(at, by)
    assert after >= at + by.rest
    assert after - at - by.rest <= timedelta(days=31 * by.months)


@given(_instants, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_what_is_no_month_is_exact(at: datetime, rest: timedelta) -> None:
    assert later(at, Duration(0, rest)) == at + rest


def test_there_is_no_year_10000() -> None:
    with pytest.raises(OverflowError):
        later(datetime(9999, 12, 31, tzinfo=UTC), Duration(1, timedelta(0)))
