"""This does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import Condition, read_part


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """`{"not": {"tier": ["basic"]}}`"""

    key: ClassVar[str] = "not"
    condition: Condition

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A condition."""
        return cls(read_part(value, place))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When the other does not; so it holds for what is unknown."""
        return not self.condition.holds(purchase, line, member)

    def says(self) -> str:
        """In words."""
        return f"it is not so that {self.condition.says()}"

    def parts(self) -> Sequence[Condition]:
        """The condition within."""
        return (self.condition,)
