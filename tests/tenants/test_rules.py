"""How far a clock goes, how long keys live, when keys are read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.tenants.rules import (
    BELIEVED,
    BETWEEN_TRIES,
    FRESH,
    Duration,
    is_stale,
    later,
    life_of_next,
    must_be_read_again,
    overlap_ends,
)

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


@given(st.none() | _instants, _instants)
def test_an_overlap_lets_no_key_live_longer(
    expires_at: datetime | None, overlap_end: datetime
) -> None:
    ends = overlap_ends(expires_at, overlap_end)
    assert ends <= overlap_end
    assert expires_at is None or ends <= expires_at
    assert ends in {expires_at, overlap_end}


@given(_instants, st.none() | st.timedeltas(timedelta(1), timedelta(days=4000)), _instants)
def test_the_next_key_lives_as_long_as_the_one_before(
    created_at: datetime, life: timedelta | None, at: datetime
) -> None:
    expires_at = None if life is None else created_at + life
    ends = life_of_next(created_at, expires_at, at)
    assert (ends is None) == (life is None)
    assert ends is None or ends - at == life


_ages = st.timedeltas(timedelta(0), timedelta(days=3))


@given(_instants, _ages, _ages, st.booleans())
def test_keys_are_read_again_as_seldom_as_can_be(
    at: datetime, since_fetched: timedelta, since_tried: timedelta, known: bool
) -> None:
    again = must_be_read_again(at - since_fetched, at - since_tried, at, known=known)
    assert not again or since_tried >= BETWEEN_TRIES
    assert again or since_tried < BETWEEN_TRIES or (known and since_fetched < FRESH)
    assert is_stale(at - since_fetched, at) == (since_fetched > BELIEVED)


def test_a_key_that_is_read_in_time_is_never_stale() -> None:
    assert BETWEEN_TRIES < FRESH < BELIEVED
