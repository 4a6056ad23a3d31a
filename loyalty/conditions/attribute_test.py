"""What an attribute must be: one of some values, or a number between bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from loyalty.conditions.between import Between, read_bounds
from loyalty.conditions.form import either, read_list, read_object, read_text, refuse

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """`values`, where there are any, or the bounds; a list has what any of its values has."""

    name: str
    values: tuple[Scalar, ...]
    between: Between

    def holds(self, attributes: Mapping[str, object]) -> bool:
        """Whether the attribute is there and as it must be."""
        value = attributes.get(self.name)
        given = value if isinstance(value, list) else [value]
        return self.name in attributes and any(self._holds(one) for one in given)

    def _holds(self, value: object) -> bool:
        if self.values:
            return any(_same(value, one) for one in self.values)
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            return False
        return self.between.holds(Decimal(str(value)))

    def says(self) -> str:
        """In words, with the attribute's name."""
        if self.values:
            return f"{self.name} is {either([str(one) for one in self.values])}"
        return f"{self.name} is {self.between.says()}"


def _same(one: object, other: Scalar) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def read_attribute_test(value: object, place: str) -> AttributeTest:
    """`{"name": "cabin", "in": ["business"]}`, or with at_least, at_most. Raises Invalid."""
    between = read_bounds(value, place, besides=("name", "in"))
    given = read_object(value, place, known=("name", "in", "at_least", "at_most"))
    name = read_text(given.get("name"), f"{place}/name")
    if (given.get("in") is None) == (between == Between()):
        raise refuse(place, "one_of_two", "Either in, or at_least and at_most, is needed.")
    values: list[Scalar] = []
    for index, one in enumerate(read_list(given["in"], f"{place}/in") if given.get("in") else ()):
        if not isinstance(one, (str, int, float)):
            raise refuse(f"{place}/in/{index}", "not_a_value", "Text, number or boolean.")
        values.append(one)
    return AttributeTest(name, tuple(values), between)
