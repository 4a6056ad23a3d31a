"""Limits of promotions: pure. What is counted in which period, and what that leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from loyalty.promotions.rule import Limit, Period

_MOST_REMEMBERED = 10_000


class Use(NamedTuple):
    """How much of a promotion was used in a period: points given, and how many times."""

    points: int = 0
    uses: int = 0


class Allowance(NamedTuple):
    """What a promotion's limits leave for one purchase: `points`, by the limit of that index.

    None: they leave any number.
    """

    points: int | None
    limit: int | None


NONE_USED = Use()
_ANY_NUMBER = Allowance(None, None)


@lru_cache(_MOST_REMEMBERED)
def period_of(per: Period, day: date) -> str:
    """The name of the period that holds a day: 2026-07-14, 2026-W29, 2026-07, 2026, ever."""
    match per:
        case Period.DAY:
            return f"{day:%Y-%m-%d}"
        case Period.WEEK:
            return f"{day:%G-W%V}"
        case Period.MONTH:
            return f"{day:%Y-%m}"
        case Period.YEAR:
            return f"{day:%Y}"
        case Period.EVER:
            return "ever"


def allowance(limits: Sequence[Limit], used: Sequence[Use]) -> Allowance:
    """What `limits` leave when so much of each is `used` already: the least counts, the first
    of equals is named."""
    if len(limits) == 1:  # nearly all
        points = _left(limits[0], used[0])
        return _ANY_NUMBER if points is None else Allowance(points, 0)
    least: int | None = None
    which: int | None = None
    for index, (limit, use) in enumerate(zip(limits, used, strict=True)):
        points = _left(limit, use)
        if points is not None and (least is None or points < least):
            least, which = points, index
    return Allowance(least, which)


def _left(limit: Limit, use: Use) -> int | None:
    if limit.uses is not None and use.uses >= limit.uses:
        return 0
    if limit.points is None:
        return None
    return limit.points - use.points if limit.points > use.points else 0
