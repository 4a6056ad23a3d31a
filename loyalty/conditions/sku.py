"""The line is one of these products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.form import either, read_texts
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class Sku(Condition):
    """`{"sku": ["W-1", "W-2"]}`"""

    key: ClassVar[str] = "sku"
    skus: frozenset[str]

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A list of SKUs."""
        return cls(read_texts(value, place))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a line with one of these SKUs."""
        return line is not None and line.sku in self.skus

    def says(self) -> str:
        """In words."""
        return f"the product is {either(self.skus)}"
