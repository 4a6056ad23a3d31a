"""What a search for members asks: in a query string, or in the body of a bulk act."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import post_load, validates_schema

from loyalty.people.filters import Filters
from loyalty.people.search import EARLIEST, LATEST, Place
from loyalty.web.fields import (
    Choice,
    Instant,
    Points,
    QueryInteger,
    Schema,
    Slug,
    Text,
    refuse,
)
from loyalty.web.fields.base import Coded
from loyalty.web.fields.several import MAX_NAME_LENGTH
from loyalty.web.fields.text import UNSTORABLE, Formed
from loyalty.web.lists import AFTER, Limited
from loyalty.web.member_schema import STATUSES

ORDERS = ("-joined", "joined", "-points", "points")
_MOST_ATTRIBUTES = 10
_LONGEST_VALUE = 100
_OF_POINTS = {"description": "Of available points."}
_IN_ARREARS = {"description": "Who is in arrears."}
_TEXT = {
    "description": "The start of each word of a name, the start of a member id, or a whole"
    " identifier."
}
_ATTRIBUTE = {"description": "`name:value`, of one of the tenant's own attributes; once for each."}
_ACTIVE = {"description": "A purchase or visit occurred then or later."}
_INACTIVE = {"description": "Joined by then, and none occurred after it."}
_SEGMENT = {"description": "Its key."}


class AttributeTexts(Coded[Mapping[str, str]]):
    """`name:value` in a query string, once for each attribute that is asked for."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        one = {"type": "string", "pattern": r"^[^:\u0000]{1,100}:[^\u0000]{0,100}$"}
        self.document(type="array", items=one, maxItems=_MOST_ATTRIBUTES)

    def _deserialize(self, value: object, *_: object, **__: object) -> Mapping[str, str]:
        told = value if isinstance(value, list) else [value]
        if len(told) > _MOST_ATTRIBUTES:
            raise refuse("wrong_length", f"1 to {_MOST_ATTRIBUTES} attributes are expected.")
        found: dict[str, str] = {}
        for one in told:
            name, colon, wanted = str(one).partition(":")
            if not colon or not name:
                raise refuse("malformed", "An attribute is asked for as name:value.")
            _check(name, wanted)
            if found.setdefault(name, wanted) != wanted:
                raise refuse("named_twice", f"Two values of {name!r} are asked for.")
        return found


class AttributeValues(Coded[Mapping[str, str]]):
    """Attributes and the text, whole number or truth value that each has, as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        value = {"anyOf": [{"type": one} for one in ("string", "integer", "boolean")]}
        self.document(type="object", additionalProperties=value, maxProperties=_MOST_ATTRIBUTES)

    def _deserialize(self, value: object, *_: object, **__: object) -> Mapping[str, str]:
        if not isinstance(value, dict):
            raise refuse("not_an_object", "An object is expected.")
        if not 1 <= len(value) <= _MOST_ATTRIBUTES:
            raise refuse("wrong_length", f"1 to {_MOST_ATTRIBUTES} attributes are expected.")
        found = {name: _as_text(wanted) for name, wanted in value.items()}
        for name, wanted in found.items():
            _check(name, wanted)
        return found


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int)):
        return str(value)
    raise refuse("not_comparable", "A text, a whole number, true or false is expected.")


def _check(name: str, value: str) -> None:
    if len(name) > MAX_NAME_LENGTH or len(value) > _LONGEST_VALUE:
        raise refuse("too_long", f"At most {_LONGEST_VALUE} characters are searched for.")
    if UNSTORABLE.search(name + value):
        raise refuse("unstorable", "NUL and lone surrogates are not allowed.")


class After(Formed):
    """Where a page ended: its order, the figure, the row. Loads to (order, Place)."""

    form = re.compile(r"[jp]-?[0-9]{1,18}\.[0-9]{1,18}")
    meaning = "`next` of the page before this one is expected."

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> Any:
        told = super()._deserialize(value, *args, **kwargs)
        figure, _, row = told[1:].partition(".")
        if not EARLIEST <= int(figure) <= LATEST:
            raise refuse("malformed", self.meaning)
        return told[0], Place(int(figure), int(row))


def place_text(order: str, place: Place) -> str:
    """The `next` of a page that ended there."""
    return f"{order.removeprefix('-')[0]}{place.figure}.{place.id}"


class _Asked(Schema):
    """What a query string and a body ask alike."""

    tier = Slug()
    status = Choice(STATUSES)
    segment = Slug(metadata=_SEGMENT)
    q = Text(most=200, metadata=_TEXT)
    joined_gte = Instant()
    joined_lte = Instant()
    last_activity_gte = Instant(metadata=_ACTIVE)
    last_activity_lte = Instant(metadata=_INACTIVE)


class SearchArgs(_Asked, Limited):
    """Filters; each that is given must hold."""

    several = frozenset({"attribute"})  # may stand there more than once

    points_gte = QueryInteger(most=Points().most, metadata=_OF_POINTS)
    points_lte = QueryInteger(most=Points().most, metadata=_OF_POINTS)
    owed_gte = QueryInteger(most=Points().most, metadata=_IN_ARREARS)
    attribute = AttributeTexts(attribute="attributes", metadata=_ATTRIBUTE)
    sort = Choice(ORDERS, load_default="-joined")
    after = After(load_default=None, allow_none=False, metadata=AFTER)

    @validates_schema(skip_on_field_errors=True)
    def _goes_on(self, values: dict[str, Any], **_: Any) -> None:
        after, order = values["after"], values["sort"].removeprefix("-")
        if after is not None and after[0] != order[0]:
            raise refuse("other_sort", "That page was sorted otherwise.", "after")


class QuerySchema(_Asked):
    """Filters; each that is given must hold, and one must be given."""

    points_gte = Points(metadata=_OF_POINTS)
    points_lte = Points(metadata=_OF_POINTS)
    owed_gte = Points(metadata=_IN_ARREARS)
    attributes = AttributeValues()

    @validates_schema(skip_on_field_errors=True)
    def _asks_something(self, values: dict[str, Any], **_: Any) -> None:
        if not values:
            sentence = "Name a filter: a status means everybody who has it."
            raise refuse("required", sentence)

    @post_load
    def _made(self, values: dict[str, Any], **_: Any) -> Filters:
        return Filters(**values)
