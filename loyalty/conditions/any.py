"""At least one of these holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.several import Several


@dataclass(frozen=True, slots=True)
class Any(Several):
    """`{"any": [{"tier": ["gold"]}, {"region": ["north"]}]}`"""

    key: ClassVar[str] = "any"
    word: ClassVar[str] = "or"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When one does."""
        return any(one.holds(purchase, line, member) for one in self.conditions)
