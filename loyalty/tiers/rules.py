"""Which tier tier-qualifying points reach: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """A status level, reached from `threshold` tier-qualifying points on."""

    key: str
    name: str
    threshold: int


def reached(tiers: Sequence[Tier], tier_points: int) -> Tier:
    """The highest tier whose threshold is met. `tiers` hold one with threshold 0."""
    return max(
        (tier for tier in tiers if tier.threshold <= tier_points), key=lambda tier: tier.threshold
    )


def rise(tiers: Sequence[Tier], current_key: str, tier_points: int) -> Tier | None:
    """The tier to go up to at once, or None. A tier never falls here: only its period's end,
    or leaving, takes it away."""
    target = reached(tiers, tier_points)
    current = next((tier.threshold for tier in tiers if tier.key == current_key), -1)
    return target if target.threshold > current else None


def next_above(
    tiers: Sequence[Tier], current_key: str, tier_points: int
) -> tuple[Tier, int] | None:
    """The next tier above the current one and how many tier points are missing, or None."""
    current = next((tier.threshold for tier in tiers if tier.key == current_key), -1)
    above = [tier for tier in tiers if tier.threshold > current]
    if not above:
        return None
    tier = min(above, key=lambda one: one.threshold)
    return tier, max(0, tier.threshold - tier_points)
