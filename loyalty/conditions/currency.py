"""It was paid in one of these currencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.form import is_currency, read_list, read_texts, refuse
from loyalty.conditions.one_of import OneOf


@dataclass(frozen=True, slots=True)
class Currency(OneOf):
    """`{"currency": ["USD", "EUR"]}`"""

    key: ClassVar[str] = "currency"
    noun: ClassVar[str] = "the currency"

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A list of ISO 4217 codes."""
        for index, code in enumerate(read_list(value, place)):
            if not is_currency(code):
                raise refuse(f"{place}/{index}", "not_a_currency", "A code like USD is expected.")
        return cls(read_texts(value, place))

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """For a purchase in one of these."""
        return purchase.currency in self.values
