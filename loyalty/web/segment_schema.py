"""How segments come in and are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marshmallow import fields

from loyalty.web.batch import MOST_ITEMS
from loyalty.web.fields import (
    Instant,
    Integer,
    ListOf,
    MemberId,
    Points,
    Schema,
    Slug,
    Text,
    refuse,
)
from loyalty.web.fields.base import Coded
from loyalty.web.fields.text import UNSTORABLE


class Tree(Coded[dict[str, object]], fields.Dict):
    """A tree of conditions: `{"all": [{"tier": ["gold"]}, {"inactive": {"days": 60}}]}`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(
            type="object",
            additionalProperties=True,
            minProperties=1,
            maxProperties=1,
            examples=[{"all": [{"tier": ["gold"]}, {"points": {"at_least": 100}}]}],
        )

    def _deserialize(self, value: object, *_: object, **__: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise refuse("not_an_object", "An object is expected.")
        if UNSTORABLE.search("".join(_texts(value))):
            raise refuse("unstorable", "NUL and lone surrogates are not allowed.")
        return value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


class NewSegmentSchema(Schema):
    """A segment; without a condition it is a list, to which members are uploaded."""

    key = Slug(required=True)
    name = Text(most=200, required=True)
    condition = Tree(load_default=None, allow_none=True)


class SegmentChangeSchema(Schema):
    """Another name, or another condition as a whole."""

    name = Text(most=200)
    condition = Tree()


class SegmentSchema(Schema):
    """A segment, and how many members it had when they were last counted."""

    key = Slug(required=True)
    name = Text(required=True)
    condition = Tree(required=True, allow_none=True)
    size = Points(required=True)
    counted_at = Instant(required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)


class UploadSchema(Schema):
    """Who is put on the list, and who is taken off it."""

    add = ListOf(MemberId(), most=MOST_ITEMS, load_default=list)
    remove = ListOf(MemberId(), most=MOST_ITEMS, load_default=list)


class UploadedSchema(Schema):
    """What became of it; `strangers` have never joined the program."""

    added = Points(required=True)
    removed = Points(required=True)
    strangers = ListOf(MemberId(), most=MOST_ITEMS, required=True)
    size = Points(required=True)


class SegmentMemberSchema(Schema):
    """A member of a segment."""

    member_id = MemberId(required=True)
