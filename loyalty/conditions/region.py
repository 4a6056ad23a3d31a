"""The retailer is in one of these regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Region(OneOf):
    """`{"region": ["north"]}`"""

    key: ClassVar[str] = "region"
    noun: ClassVar[str] = "the region"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a purchase at a retailer of one of these."""
        return purchase.region in self.values

    def asks(self) -> frozenset[Ask]:
        """The retailer's region."""
        return frozenset({(Fact.REGION, "")})
