"""The product stands in one of these categories, or below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Category(OneOf):
    """`{"category": ["food/bread"]}`: also for what stands in `food/bread/rye`."""

    key: ClassVar[str] = "category"
    noun: ClassVar[str] = "the category"

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a line whose category, or one above it, is named."""
        return line is not None and not self.values.isdisjoint(line.categories)

    def asks(self) -> frozenset[Ask]:
        """The categories named."""
        return frozenset((Fact.CATEGORY, category) for category in self.values)
