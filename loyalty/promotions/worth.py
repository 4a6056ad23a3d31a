"""Arithmetic of earning: pure, in integers. Money counts in ten-thousandths of its currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from loyalty.conditions.facts import Line, Purchase

PLACES = 10_000  # money and quantities have four decimal places


class Step(StrEnum):
    """`whole`: only complete steps of `per` count."""

    PROPORTIONAL = "proportional"
    WHOLE = "whole"


class Rounding(StrEnum):
    """What becomes of a fraction of a point."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Rate:
    """`points` for each `per` of money, or of items."""

    points: int
    per: Decimal
    units: int = field(init=False, repr=False, compare=False)  # `per`, as money is counted

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", int(self.per * PLACES))


#: A fraction of a point that rounding took (below zero: added), as numerator and denominator:
#: a Fraction would be reduced each time, and most are only kept to be shown.
Rest = tuple[int, int]
NO_REST: Rest = (0, 1)


def rounded(parts: int, per: int, rounding: Rounding) -> tuple[int, Rest]:
    """`parts` / `per` points, whole, and the rest."""
    points, rest = divmod(parts, per)
    if rest and (rounding is Rounding.UP or (rounding is Rounding.HALF_UP and 2 * rest >= per)):
        return points + 1, (rest - per, per)
    return points, (rest, per)


def points_for(amount: Decimal, rate: Rate, step: Step, rounding: Rounding) -> tuple[int, Rest]:
    """Points for `amount` ≥ 0 at `rate`, and the rest."""
    units, per = int(amount * PLACES), rate.units
    if step is Step.WHOLE:
        whole, rest = divmod(units, per)
        return whole * rate.points, (rest * rate.points, per)
    return rounded(units * rate.points, per, rounding)


def eligible(purchase: Purchase, excludes: frozenset[str]) -> Decimal:
    """What the member really spent: what points or vouchers paid, and what the program leaves
    out, earns nothing. Never below zero."""
    spent = purchase.amount - purchase.paid_otherwise
    if "tax" in excludes:
        spent -= purchase.tax
    if "shipping" in excludes:
        spent -= purchase.shipping
    return max(spent, Decimal(0))


def eligible_on(purchase: Purchase, excludes: frozenset[str], lines: Sequence[Line]) -> Decimal:
    """The part of what was really spent that falls on these `lines`, rounded down.

    Tax, shipping, what was paid otherwise, and a discount that names no product, fall on all
    lines in proportion to their amounts.
    """
    spent = eligible(purchase, excludes)
    all_lines = purchase.counted
    if len(lines) == len(all_lines):
        return spent
    whole = _total(all_lines)
    part = min(max(_total(lines), 0), whole)
    return Decimal(int(spent * PLACES) * part // whole) / PLACES if part else Decimal(0)


def _total(lines: Iterable[Line]) -> int:
    return sum(
        int(line.amount * PLACES)
        for line in lines
        if line.amount > 0 or line.sku or line.brand or line.categories
    )


def weights(lines: Iterable[Line]) -> list[int]:
    """How a figure is spread over lines: by what they cost; a discount takes none."""
    return [max(0, int(line.amount * PLACES)) for line in lines]


def split(whole: int, weights: Sequence[int]) -> list[int]:
    """`whole` in parts in proportion to `weights`, exact in sum: what is left after rounding
    down goes to the largest fractions, the first where they are equal.

    Where all weights are 0, the first part is the whole.
    """
    total = sum(weights)
    if not total:
        return [whole, *([0] * (len(weights) - 1))]
    parts = [divmod(whole * weight, total) for weight in weights]
    shares = [part for part, _ in parts]
    order = sorted(range(len(parts)), key=lambda index: (-parts[index][1], index))
    for index in order[: whole - sum(shares)]:
        shares[index] += 1
    return shares
