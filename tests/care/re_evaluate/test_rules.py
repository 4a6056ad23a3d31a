"""What a purchase that is worked out again comes to, and over which lots it is spread."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.care.re_evaluate.rules import net, spread
from loyalty.earning.give_back.rules import GivenBack

returns = st.lists(
    st.lists(st.integers(0, 10**6), max_size=3).map(
        lambda points: GivenBack({}, Decimal(0), tuple(points), whole=False)
    ),
    max_size=4,
)
lots = st.lists(st.integers(0, 10**6), max_size=5)


@given(st.integers(0, 10**9), returns)
def test_what_was_earned_is_kept_or_came_back(points: int, back: list[GivenBack]) -> None:
    found = net(points, back)
    assert found.earned == points
    assert found.returned == sum(point for one in back for point in one.points)
    assert found.kept + found.returned == found.earned


@given(st.integers(0, 10**7), lots)
def test_points_fill_the_first_lots_first(points: int, sizes: list[int]) -> None:
    parts = spread(points, sizes)
    assert sum(parts) == min(points, sum(sizes))
    assert all(0 <= part <= size for part, size in zip(parts, sizes, strict=True))
    for number, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        assert part == size or sum(parts[number + 1 :]) == 0


@pytest.mark.parametrize(
    ("points", "sizes", "parts"),
    [(7, [5, 5], [5, 2]), (0, [5], [0]), (12, [5, 5], [5, 5]), (3, [], [])],
)
def test_spread(points: int, sizes: list[int], parts: list[int]) -> None:
    assert spread(points, sizes) == parts
