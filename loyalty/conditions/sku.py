"""The line is one of these products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Sku(OneOf):
    """`{"sku": ["W-1", "W-2"]}`"""

    key: ClassVar[str] = "sku"
    noun: ClassVar[str] = "the product"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a line with one of these SKUs."""
        return line is not None and line.sku in self.values
