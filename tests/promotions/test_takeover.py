"""Versions follow each other without a gap that nobody asked for, and never overlap."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.promotions.takeover import Span, end_all, take_over
from tests.opened import AT


def _day(day: int | None) -> datetime | None:
    return None if day is None else AT + timedelta(days=day)


def _span(number: int, start: int | None, end: int | None) -> Span:
    return Span(number, _day(start), _day(end))


@pytest.mark.parametrize(
    ("others", "end", "becomes", "ended"),
    [
        ([], None, None, {}),
        ([], 5, 5, {}),
        ([(None, None)], None, None, {0: 0}),
        ([(-5, 3)], None, None, {0: 0}),
        ([(-5, -1)], None, None, {}),
        ([(-5, 0)], None, None, {}),
        ([(0, None)], None, None, {0: 0}),
        ([(0, 0)], None, None, {}),
        ([(7, None)], None, 7, {}),
        ([(7, None)], 3, 3, {}),
        ([(7, 9), (4, 5)], None, 4, {}),
        ([(7, 7)], None, None, {}),
        ([(-9, -5), (-5, 4), (4, None)], 9, 4, {1: 0}),
    ],
)
def test_a_version_is_in_force_from_its_start_until_the_next_one_s(
    others: list[tuple[int | None, int | None]],
    end: int | None,
    becomes: int | None,
    ended: dict[int, int],
) -> None:
    spans = [_span(number, *days) for number, days in enumerate(others)]
    told = take_over(AT, _day(end), spans)
    assert told == (_day(becomes), {number: _day(day) for number, day in ended.items()})


_STARTS = st.lists(
    st.tuples(st.integers(-20, 20), st.none() | st.integers(1, 20)), min_size=1, max_size=8
)


@given(published=_STARTS, instant=st.integers(-25, 45))
def test_at_no_instant_two_are_in_force_and_the_past_stays(
    published: list[tuple[int, int | None]], instant: int
) -> None:
    """Versions are published one after the other, each with a start and a length."""
    spans: list[Span] = []
    for number, (start, length) in enumerate(published):
        first = AT + timedelta(days=start)
        before = _in_force(spans, _day(instant))
        end, ended = take_over(first, _day(length and start + length), spans)
        spans = [Span(s.number, s.starts_at, ended.get(s.number, s.ends_at)) for s in spans]
        spans.append(Span(number, first, end))
        after = _in_force(spans, _day(instant))
        assert len(after) <= 1
        assert _in_force(spans, first) == [number]
        if instant < start:
            assert after == before


def _in_force(spans: list[Span], at: datetime | None) -> list[int]:
    assert at is not None
    return [
        span.number
        for span in spans
        if (span.starts_at is None or span.starts_at <= at)
        and (span.ends_at is None or at < span.ends_at)
    ]


@given(published=_STARTS, instant=st.integers(-25, 45), later=st.integers(0, 45))
def test_after_its_end_a_promotion_judges_nothing_and_the_past_stays(
    published: list[tuple[int, int | None]], instant: int, later: int
) -> None:
    spans: list[Span] = []
    for number, (start, length) in enumerate(published):
        first = AT + timedelta(days=start)
        end, ended = take_over(first, _day(length and start + length), spans)
        spans = [Span(s.number, s.starts_at, ended.get(s.number, s.ends_at)) for s in spans]
        spans.append(Span(number, first, end))
    last = AT + timedelta(days=instant)
    ends = end_all(last, spans)
    now = [Span(s.number, s.starts_at, ends.get(s.number, s.ends_at)) for s in spans]
    assert _in_force(now, last + timedelta(days=later)) == []
    earlier = last - timedelta(days=later, seconds=1)
    assert _in_force(now, earlier) == _in_force(spans, earlier)
    assert all(s.starts_at is None or s.ends_at is None or s.starts_at <= s.ends_at for s in now)
    assert end_all(last, now) == {}
