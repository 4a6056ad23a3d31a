"""Which tier tier-qualifying points reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.tiers.rules import Tier, next_above, reached, rise

DEFAULT = (Tier("basic", "Basic", 0), Tier("gold", "Gold", 500), Tier("platinum", "Platinum", 1000))
points = st.integers(0, 2**53 - 1)


@pytest.mark.parametrize(
    ("tier_points", "key"),
    [
        (0, "basic"),
        (499, "basic"),
        (500, "gold"),
        (501, "gold"),
        (999, "gold"),
        (1000, "platinum"),
        (2_147_483_647, "platinum"),
        (9_007_199_254_740_991, "platinum"),
    ],
)
def test_the_default_tiers(tier_points: int, key: str) -> None:
    assert reached(DEFAULT, tier_points).key == key


@given(points, st.sampled_from(DEFAULT), st.permutations(DEFAULT))
def test_a_tier_never_falls_here_and_the_order_of_tiers_does_not_matter(
    tier_points: int, current: Tier, listed: list[Tier]
) -> None:
    risen = rise(listed, current.key, tier_points)
    assert risen == rise(DEFAULT, current.key, tier_points)
    assert risen is None or risen.threshold > current.threshold


@given(points)
def test_what_is_missing_is_exactly_what_reaches_the_next(tier_points: int) -> None:
    current = reached(DEFAULT, tier_points)
    following = next_above(DEFAULT, current.key, tier_points)
    if following is None:
        assert current.key == "platinum"
        return
    tier, missing = following
    assert missing > 0
    assert reached(DEFAULT, tier_points + missing) == tier
    assert reached(DEFAULT, tier_points + missing - 1) == current
