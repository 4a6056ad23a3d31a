"""A program's promotions by time: which are in force is found once, not for each purchase. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loyalty.conditions.facts import Ask
from loyalty.promotions.rule import Version


@dataclass(frozen=True, slots=True)
class InForce:
    """The versions in force at an instant, in the order of their ids, and what they have in common.

    `limited` are those with limits; `living` those that say how long their points wait or live,
    by promotion.
    """

    versions: Sequence[Version]
    asks: frozenset[Ask]
    limited: Sequence[Version]
    living: Mapping[int, Version]


class Rulebook:
    """Every version that was ever in force; between two of their dates they are the same ones."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self.versions = sorted(versions, key=lambda one: (one.promotion_id, one.number))
        dates = {at for one in self.versions for at in (one.starts_at, one.ends_at) if at}
        self._dates = sorted(dates)
        self._found: dict[int, InForce] = {}

    def at(self, instant: datetime) -> InForce:
        """The versions that judge what occurred at `instant`."""
        since = bisect_right(self._dates, instant)
        found = self._found.get(since)
        if found is None:
            found = self._found[since] = _in_force(
                [one for one in self.versions if one.in_force(instant)]
            )
        return found


def _in_force(versions: Sequence[Version]) -> InForce:
    return InForce(
        versions,
        frozenset[Ask]().union(*(one.rule.asks for one in versions)),
        [one for one in versions if one.rule.limits],
        {one.promotion_id: one for one in versions if one.rule.pending or one.rule.expiry},
    )
