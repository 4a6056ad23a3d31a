"""The member is in one of these segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Segment(OneOf):
    """`{"segment": ["vip"]}`"""

    key: ClassVar[str] = "segment"
    noun: ClassVar[str] = "the segment"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a member of one of these."""
        return not self.values.isdisjoint(member.segments)

    def asks(self) -> frozenset[Ask]:
        """The segments named."""
        return frozenset((Fact.SEGMENT, segment) for segment in self.values)
