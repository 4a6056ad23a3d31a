"""What one promotion gave for a purchase, and all of them together: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from loyalty.promotions.worth import Rest

NOTHING = Decimal(0)
_FOUR_PLACES = Decimal("0.0001")
_MOST_REMEMBERED = 10_000  # prices end alike


class WhyNot(StrEnum):
    """Why a promotion gave nothing."""

    NOT_A_PURCHASE = "not_a_purchase"
    OTHER_KIND = "other_kind"
    CURRENCY_NOT_ACCEPTED = "currency_not_accepted"
    BEFORE_JOINING = "before_joining"
    NOTHING_PAID = "nothing_paid"
    BARRED = "barred"  # another promotion says that these lines earn nothing
    CONDITION = "condition"  # `unmet` names it
    REPLACED = "replaced"  # another promotion gives instead, for every line
    EXCLUSIVE = "exclusive"  # another promotion of its group gave more
    LIMIT = "limit"  # `limit` is the one that is used up
    NOTHING_TO_MULTIPLY = "nothing_to_multiply"


class Share(NamedTuple):
    """What one promotion version gave: `points`, or why not.

    `base` is the money that counted (items, or points, for a rule that counts those).
    `remainder` is the fraction of a point that rounding took (below zero: that it added).
    `would_be`: the points before a limit cut them, None where none did; `left`: what the limits
    left, by the limit of index `limit`; None where the rule has none. `unmet`: the type of the
    condition that did not hold. `lines`: how many of the points each line earned.
    """

    promotion_id: int
    version: int
    base: Decimal
    points: int
    remainder: Decimal = NOTHING
    why_not: WhyNot | None = None
    would_be: int | None = None
    left: int | None = None
    limit: int | None = None
    unmet: str | None = None
    lines: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a purchase earns: the shares in the order of their promotions' ids."""

    shares: tuple[Share, ...]

    @property
    def points(self) -> int:
        """The award."""
        return sum(share.points for share in self.shares)

    @property
    def lines(self) -> dict[str, int]:
        """How many of the points each line earned; lines that earned none are left out."""
        total: dict[str, int] = {}
        for share in self.shares:
            for line_id, points in share.lines:
                total[line_id] = total.get(line_id, 0) + points
        return total


@lru_cache(_MOST_REMEMBERED)
def remainder(rest: Rest) -> Decimal:
    """A fraction of a point as a share tells it."""
    parts, per = rest
    return (Decimal(parts) / per).quantize(_FOUR_PLACES) if parts else NOTHING
