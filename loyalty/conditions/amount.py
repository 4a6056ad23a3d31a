"""So much was spent: in all, or on what another condition chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from loyalty.conditions.between import Between, read_between
from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class Amount(Condition):
    """`{"amount": {"at_least": "100", "at_most": "500", "of": {"category": ["bread"]}}}`

    In the purchase's currency. `of` chooses lines; without it the purchase's amount counts.
    """

    key: ClassVar[str] = "amount"
    between: Between
    of: Condition | None

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """An object with at least one bound."""
        return cls(*read_between(value, place))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """When what was spent lies between the bounds."""
        if self.of is None:
            return self.between.holds(purchase.amount)
        chosen = (one for one in purchase.counted if self.of.holds(purchase, one, member))
        return self.between.holds(sum((one.amount for one in chosen), Decimal(0)))

    def says(self) -> str:
        """In words."""
        where = f" where {self.of.says()}" if self.of else ""
        return f"the amount{where} is {self.between.says()}"

    def parts(self) -> Sequence[Condition]:
        """What chooses the lines."""
        return (self.of,) if self.of else ()
