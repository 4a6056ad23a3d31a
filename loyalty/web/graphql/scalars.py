"""The scalars: what REST says of numbers and times, under names of their own."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from loyalty.earning.accept import plain
from loyalty.web.fields import instant_text, money_text

Points = NewType("Points", int)
Quantity = NewType("Quantity", Decimal)


def _number_or_text(value: object) -> object:
    """A value as it came: the schema that reads the whole input says if it is right, and where."""
    if isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool):
        return value
    raise GraphQLError("A number or a string is expected.")


def _literal(node: ValueNode, _: Any = None) -> str:
    """What stands in a document, to the digit: 0.1 never becomes a float."""
    if isinstance(node, (StringValueNode, IntValueNode, FloatValueNode)):
        return node.value
    raise GraphQLError("A number or a string is expected.")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise GraphQLError("An integer is expected.")


def _whole_literal(node: ValueNode, _: Any = None) -> int:
    if isinstance(node, IntValueNode):
        return int(node.value)
    raise GraphQLError("An integer is expected.")


SCALARS: dict[object, ScalarDefinition] = {
    Points: strawberry.scalar(
        name="Points",
        description="A number of points: an integer, at most 2^53-1, which every client holds.",
        serialize=int,
        parse_value=_whole,
        parse_literal=_whole_literal,
    ),
    Decimal: strawberry.scalar(
        name="Money",
        description='A decimal with at most four decimals: "12.50". It comes in as a number too.',
        serialize=money_text,
        parse_value=_number_or_text,
        parse_literal=_literal,
    ),
    Quantity: strawberry.scalar(
        name="Quantity",
        description="How much was bought, of at most four decimals: pieces, or kilograms.",
        serialize=plain,
        parse_value=_number_or_text,
        parse_literal=_literal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 with an offset; answers are in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=instant_text,
        parse_value=_number_or_text,
        parse_literal=_literal,
    ),
}
