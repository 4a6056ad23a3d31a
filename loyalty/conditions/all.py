"""Every one of these holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.form import read_list
from loyalty.conditions.tree import MOST_CONDITIONS, Condition, read_part


@dataclass(frozen=True, slots=True)
class All(Condition):
    """`{"all": [{"tier": ["gold"]}, {"region": ["north"]}]}`"""

    key: ClassVar[str] = "all"
    conditions: tuple[Condition, ...]

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A list of conditions."""
        return cls(
            tuple(
                read_part(one, f"{place}/{index}")
                for index, one in enumerate(read_list(value, place, most=MOST_CONDITIONS))
            )
        )

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When each holds."""
        return all(one.holds(purchase, line, member) for one in self.conditions)

    def says(self) -> str:
        """In words."""
        return " and ".join(one.says() for one in self.conditions)

    def parts(self) -> Sequence[Condition]:
        """The conditions within."""
        return self.conditions
