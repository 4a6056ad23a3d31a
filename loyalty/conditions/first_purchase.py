"""It is the member's first purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.form import refuse
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class FirstPurchase(Condition):
    """`{"first_purchase": true}`; for all others `{"not": {"first_purchase": true}}`"""

    key: ClassVar[str] = "first_purchase"
    by_the_last: ClassVar[bool] = True

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """`true`."""
        if value is not True:
            raise refuse(place, "not_true", "true is expected; within `not` for the contrary.")
        return cls()

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When the account had been awarded no purchase before, since it was opened."""
        return bool(member.first_purchase)

    def says(self) -> str:
        """In words."""
        return "it is the member's first purchase"

    def asks(self) -> frozenset[Ask]:
        """The history."""
        return frozenset({(Fact.FIRST_PURCHASE, "")})
