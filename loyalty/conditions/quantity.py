"""So many were bought: in all, or on what another condition chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from loyalty.conditions.between import Between, read_between
from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class Quantity(Condition):
    """`{"quantity": {"at_least": 3, "at_most": 10, "of": {"category": ["bread"]}}}`

    Pieces or kilograms, as the lines say; `of` chooses lines, without it all count.
    """

    key: ClassVar[str] = "quantity"
    between: Between
    of: Condition | None

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """An object with at least one bound."""
        return cls(*read_between(value, place))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When the quantity lies between the bounds."""
        chosen = (
            one.quantity
            for one in purchase.counted
            if self.of is None or self.of.holds(purchase, one, member)
        )
        return self.between.holds(sum(chosen, Decimal(0)))

    def says(self) -> str:
        """In words."""
        where = f" where {self.of.says()}" if self.of else ""
        return f"the quantity{where} is {self.between.says()}"

    def parts(self) -> Sequence[Condition]:
        """What chooses the lines."""
        return (self.of,) if self.of else ()
