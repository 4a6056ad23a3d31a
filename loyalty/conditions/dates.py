"""It is between these days, where it occurs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Self

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.form import read_date, read_object, refuse
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class Dates(Condition):
    """`{"dates": {"from": "2026-06-01", "to": "2026-08-31"}}`, in the retailer's time zone.

    Both days are within; one of them may be absent.
    """

    key: ClassVar[str] = "dates"
    first: date | None
    last: date | None

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """One day or two."""
        given = read_object(value, place, known=("from", "to"))
        first, last = (
            None if given.get(name) is None else read_date(given[name], f"{place}/{name}")
            for name in ("from", "to")
        )
        if first is None and last is None:
            raise refuse(place, "required", "from or to is needed.")
        if first and last and first > last:
            raise refuse(f"{place}/to", "before_from", "to is before from.")
        return cls(first, last)

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """From the first day to the last."""
        day = purchase.local.date()
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def says(self) -> str:
        """In words."""
        bounds = (("from", self.first), ("to", self.last))
        return "the day is " + " ".join(f"{word} {day}" for word, day in bounds if day)

    def asks(self) -> frozenset[Ask]:
        """The time zone."""
        return frozenset({(Fact.TIME_ZONE, "")})
