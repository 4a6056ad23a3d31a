"""Periods and what limits leave."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.promotions.allowance import NONE_USED, Allowance, Use, allowance, period_of
from loyalty.promotions.rule import Limit, Period

counts = st.one_of(st.none(), st.integers(1, 100))
limits = st.builds(Limit, st.sampled_from(Period), st.booleans(), counts, counts)
uses = st.builds(Use, st.integers(0, 150), st.integers(0, 150))


@pytest.mark.parametrize(
    ("day", "names"),
    [
        (date(2026, 7, 14), ["2026-07-14", "2026-W29", "2026-07", "2026", "ever"]),
        (date(2027, 1, 1), ["2027-01-01", "2026-W53", "2027-01", "2027", "ever"]),
    ],
)
def test_a_day_is_of_one_period_of_each_sort(day: date, names: list[str]) -> None:
    assert [period_of(per, day) for per in Period] == names


@given(st.lists(st.tuples(limits, uses), max_size=4))
def test_what_is_left_exceeds_no_limit_and_is_that_of_one(pairs: list[tuple[Limit, Use]]) -> None:
    left = allowance([limit for limit, _ in pairs], [use for _, use in pairs])
    for limit, use in pairs:
        if limit.points is not None:
            assert left.points is not None
            assert left.points <= max(0, limit.points - use.points)
        if limit.uses is not None and use.uses >= limit.uses:
            assert left.points == 0
    if left.points is None:
        assert left.limit is None
    else:
        limit, use = pairs[left.limit or 0]
        used_up = limit.uses is not None and use.uses >= limit.uses
        assert used_up or left.points == max(0, (limit.points or 0) - use.points)


def test_the_first_of_equals_is_named() -> None:
    both = [Limit(Period.DAY, points=5), Limit(Period.MONTH, points=5)]
    assert allowance(both, [NONE_USED, NONE_USED]) == Allowance(5, 0)
    assert allowance(both, [NONE_USED, Use(1, 1)]) == Allowance(4, 1)
    assert allowance([Limit(Period.DAY, uses=2)], [Use(9, 1)]) == Allowance(None, None)
