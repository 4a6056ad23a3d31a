"""Every one of these holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.several import Several


@dataclass(frozen=True, slots=True)
class All(Several):
    """`{"all": [{"tier": ["gold"]}, {"region": ["north"]}]}`"""

    key: ClassVar[str] = "all"
    word: ClassVar[str] = "and"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When each does."""
        return all(one.holds(purchase, line, member) for one in self.conditions)
