"""An attribute of the purchase, visit or event is so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.attribute_test import AttributeTest, read_attribute_test
from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class Attribute(Condition):
    """`{"attribute": {"name": "cabin", "in": ["business"]}}`, or with at_least, at_most."""

    key: ClassVar[str] = "attribute"
    test: AttributeTest

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A name, and the values or bounds."""
        return cls(read_attribute_test(value, place))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For what came in with such an attribute."""
        return self.test.holds(purchase.attributes)

    def says(self) -> str:
        """In words."""
        return f"its {self.test.says()}"
