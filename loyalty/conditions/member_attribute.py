"""An attribute of the member is so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.attribute_test import AttributeTest, read_attribute_test
from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class MemberAttribute(Condition):
    """`{"member_attribute": {"name": "club", "in": ["rowing"]}}`, or with at_least, at_most."""

    key: ClassVar[str] = "member_attribute"
    test: AttributeTest

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A name, and the values or bounds."""
        return cls(read_attribute_test(value, place))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a member whose attribute was so when the purchase was judged."""
        return self.test.holds(member.attributes)

    def says(self) -> str:
        """In words."""
        return f"the member's {self.test.says()}"

    def asks(self) -> frozenset[Ask]:
        """The attribute."""
        return frozenset({(Fact.ATTRIBUTE, self.test.name)})
