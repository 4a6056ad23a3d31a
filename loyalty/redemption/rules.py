"""What a burn costs: pure. Points by the program's burn rule, exact, rounded up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

_PLACES = 10_000  # money has four decimal places
_MOST_MONEY = 999_999_999_999_9999  # in ten-thousandths: the most that an amount can be


@dataclass(frozen=True, slots=True)
class Terms:
    """A program's burn rule: `points` of them are `worth` that much money, `worth` > 0.

    A burn is at least `min_points`, at most `max_points` (None: any), a multiple of `step`.
    """

    points: int
    worth: Decimal
    min_points: int = 1
    max_points: int | None = None
    step: int = 1


class NotOffered(ArithmeticError):
    """The terms forbid a burn of `points`; `limit` is the figure that it misses."""

    def __init__(
        self,
        why: Literal["below_minimum", "above_maximum", "not_a_step"],
        points: int,
        limit: int,
    ) -> None:
        super().__init__(f"{points} points: {why} ({limit})")
        self.why = why
        self.points = points
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Price:
    """What is taken, in points, and what it is worth, in the program's currency."""

    points: int
    amount: Decimal


def price_of_points(terms: Terms, points: int) -> Price:
    """The worth of `points`, rounded down to a ten-thousandth. Raises NotOffered."""
    _check(terms, points)
    worth = int(terms.worth * _PLACES)
    if points * worth // terms.points > _MOST_MONEY:
        raise NotOffered("above_maximum", points, _MOST_MONEY * terms.points // worth)
    return Price(points, Decimal(points * worth // terms.points) / _PLACES)


def price_of_amount(terms: Terms, amount: Decimal) -> Price:
    """The points that pay `amount` > 0 of money, rounded up to a whole point. Raises NotOffered."""
    points = -(-int(amount * _PLACES) * terms.points // int(terms.worth * _PLACES))
    _check(terms, points)
    return Price(points, amount)


def _check(terms: Terms, points: int) -> None:
    if points < terms.min_points:
        raise NotOffered("below_minimum", points, terms.min_points)
    if terms.max_points is not None and points > terms.max_points:
        raise NotOffered("above_maximum", points, terms.max_points)
    if points % terms.step:
        raise NotOffered("not_a_step", points, terms.step)
