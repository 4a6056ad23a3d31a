"""It was bought at one of these retailers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Retailer(OneOf):
    """`{"retailer": ["corner-shop"]}`"""

    key: ClassVar[str] = "retailer"
    noun: ClassVar[str] = "the retailer"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a purchase at one of these."""
        return purchase.retailer in self.values
