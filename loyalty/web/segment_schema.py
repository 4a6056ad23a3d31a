"""How segments come in and are told."""

from __future__ import annotations

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
)
from loyalty.web.fields.trees import Tree

_CONDITION = {"examples": [{"all": [{"tier": ["gold"]}, {"points": {"at_least": 100}}]}]}


class NewSegmentSchema(Schema):
    """A segment; without a condition it is a list, to which members are uploaded."""

    key = Slug(required=True)
    name = Text(most=200, required=True)
    condition = Tree(load_default=None, allow_none=True, metadata=_CONDITION)


class SegmentChangeSchema(Schema):
    """Another name, or another condition as a whole."""

    name = Text(most=200)
    condition = Tree(metadata=_CONDITION)


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
