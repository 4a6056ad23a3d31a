"""What `all` and `any` share: a list of conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.form import read_list
from loyalty.conditions.tree import MOST_CONDITIONS, Condition, read_part


@dataclass(frozen=True, slots=True)
class Several(Condition):
    """A type whose JSON value is a list of conditions, told with `word` between them."""

    word: ClassVar[str]
    conditions: tuple[Condition, ...]

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A list of conditions."""
        inner = read_list(value, place, most=MOST_CONDITIONS)
        return cls(tuple(read_part(one, f"{place}/{index}") for index, one in enumerate(inner)))

    def says(self) -> str:
        """In words."""
        return f" {self.word} ".join(_within(one) for one in self.conditions)

    def parts(self) -> Sequence[Condition]:
        """The conditions within."""
        return self.conditions


def _within(one: Condition) -> str:
    return f"({one.says()})" if len(one.parts()) > 1 else one.says()
