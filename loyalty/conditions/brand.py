"""The product is of one of these brands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Brand(OneOf):
    """`{"brand": ["Hop & Malt"]}`"""

    key: ClassVar[str] = "brand"
    noun: ClassVar[str] = "the brand"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a line of one of these brands."""
        return line is not None and line.brand in self.values

    def asks(self) -> frozenset[Ask]:
        """The brands named."""
        return frozenset((Fact.BRAND, brand) for brand in self.values)
