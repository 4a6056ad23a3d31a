"""What birthday and joining day share: a window around a day of the year."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.form import read_integer, read_object
from loyalty.conditions.tree import Condition

_MOST_DAYS = 180


@dataclass(frozen=True, slots=True)
class Anniversary(Condition):
    """Days before and after, both within; 0 and 0 is the very day."""

    noun: ClassVar[str]
    fact: ClassVar[Fact]
    days_before: int
    days_after: int

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """`days_before` and `days_after`, each 0 unless it is told."""
        names = ("days_before", "days_after")
        given = read_object(value, place, known=names)
        return cls(
            *(
                read_integer(given.get(name, 0), f"{place}/{name}", most=_MOST_DAYS)
                for name in names
            )
        )

    @abstractmethod
    def days_from(self, member: MemberFacts) -> int | None:
        """Days from the nearest such day to the purchase's, below zero before it."""

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """Within the window."""
        days = self.days_from(member)
        return days is not None and -self.days_before <= days <= self.days_after

    def says(self) -> str:
        """In words."""
        if not self.days_before and not self.days_after:
            return f"it is the member's {self.noun}"
        return (
            f"it is from {self.days_before} days before to {self.days_after} days after "
            f"the member's {self.noun}"
        )

    def asks(self) -> frozenset[Ask]:
        """The day."""
        return frozenset({(self.fact, "")})
