"""Bounds of a number, both within."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from loyalty.conditions.form import read_decimal, read_object, refuse
from loyalty.conditions.tree import Condition, read_part


@dataclass(frozen=True, slots=True)
class Between:
    """At least one bound is there; None is open."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None

    def holds(self, number: Decimal) -> bool:
        """Whether `number` lies between them."""
        return (self.at_least is None or self.at_least <= number) and (
            self.at_most is None or number <= self.at_most
        )

    def says(self) -> str:
        """In words: `at least 100 and at most 500`."""
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{word} {bound:f}" for word, bound in bounds if bound is not None)


def read_bounds(value: object, place: str, *, besides: tuple[str, ...] = ()) -> Between:
    """`at_least` and `at_most` of an object that may have other members `besides`.

    Raises Invalid; both may be absent.
    """
    given = read_object(value, place, known=("at_least", "at_most", *besides))
    low, high = (
        None if given.get(name) is None else read_decimal(given[name], f"{place}/{name}")
        for name in ("at_least", "at_most")
    )
    if low is not None and high is not None and low > high:
        raise refuse(f"{place}/at_most", "below_at_least", "at_most is below at_least.")
    return Between(low, high)


def read_between(value: object, place: str) -> tuple[Between, Condition | None]:
    """`{"at_least"?, "at_most"?, "of"?: condition}` with at least one bound. Raises Invalid."""
    bounds = read_bounds(value, place, besides=("of",))
    if bounds == Between():
        raise refuse(place, "required", "at_least or at_most is needed.")
    of = value.get("of") if isinstance(value, dict) else None
    return bounds, None if of is None else read_part(of, f"{place}/of")
