"""It is one of these days of the week, where it occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.form import either, read_choice, read_list
from loyalty.conditions.tree import Condition

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Weekday(Condition):
    """`{"weekday": ["sat", "sun"]}`, in the retailer's time zone."""

    key: ClassVar[str] = "weekday"
    days: frozenset[str]

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A list of days."""
        days = enumerate(read_list(value, place, most=len(_DAYS)))
        return cls(frozenset(read_choice(one, f"{place}/{index}", _DAYS) for index, one in days))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """On one of these days."""
        return _DAYS[purchase.local.weekday()] in self.days

    def says(self) -> str:
        """In words."""
        return f"the day is {either(self.days)}"

    def asks(self) -> frozenset[Ask]:
        """The time zone."""
        return frozenset({(Fact.TIME_ZONE, "")})
