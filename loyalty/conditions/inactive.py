"""The member comes back after a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.form import read_integer, read_object
from loyalty.conditions.tree import Condition

_MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Inactive(Condition):
    """`{"inactive": {"days": 90}}`: nothing awarded occurred in the 90 days before."""

    key: ClassVar[str] = "inactive"
    by_the_last: ClassVar[bool] = True
    days: int

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """The least number of days."""
        given = read_object(value, place, known=("days",), required=("days",))
        return cls(read_integer(given["days"], f"{place}/days", least=1, most=_MOST_DAYS))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When so many whole days passed since the last activity, or since joining."""
        return member.inactive_days is not None and member.inactive_days >= self.days

    def says(self) -> str:
        """In words."""
        return f"the member was inactive for {self.days} days"

    def asks(self) -> frozenset[Ask]:
        """The history."""
        return frozenset({(Fact.INACTIVE, "")})
