"""What most conditions are: a value that is one of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from loyalty.conditions.form import either, read_texts
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class OneOf(Condition):
    """A type whose JSON value is a list of texts; `noun` says what they are of."""

    noun: ClassVar[str]
    values: frozenset[str]

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """A list of texts."""
        return cls(read_texts(value, place))

    def says(self) -> str:
        """In words."""
        return f"{self.noun} is {either(self.values)}"
