"""It was bought in one of these stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Store(OneOf):
    """`{"store": ["main-street"]}`"""

    key: ClassVar[str] = "store"
    noun: ClassVar[str] = "the store"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a purchase in one of these."""
        return purchase.store in self.values
