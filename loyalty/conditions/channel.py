"""It was bought by one of these channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Channel(OneOf):
    """`{"channel": ["web", "app"]}`"""

    key: ClassVar[str] = "channel"
    noun: ClassVar[str] = "the channel"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a purchase by one of these."""
        return purchase.channel in self.values
