"""The member has been given a boost by one of these campaigns, and it is in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Boost(OneOf):
    """`{"boost": ["ten-coffees"]}`"""

    key: ClassVar[str] = "boost"
    by_the_last: ClassVar[bool] = True
    noun: ClassVar[str] = "the campaign that boosts the member"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For what occurs while the boost is in force."""
        return not self.values.isdisjoint(member.boosts)

    def asks(self) -> frozenset[Ask]:
        """The campaigns named."""
        return frozenset((Fact.BOOST, campaign) for campaign in self.values)
