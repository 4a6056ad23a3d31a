"""The member is in one of these tiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Tier(OneOf):
    """`{"tier": ["gold", "platinum"]}`"""

    key: ClassVar[str] = "tier"
    by_the_last: ClassVar[bool] = True
    noun: ClassVar[str] = "the tier"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a member whose tier was one of these when it was judged."""
        return member.tier in self.values
