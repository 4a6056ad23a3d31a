"""Entries: each can say why it was written, and what became of its points."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.errors import NotFound
from loyalty.ledger.rules import Bucket, Kind
from loyalty.people.explain_entry import MOST_LOTS, Explained, explain_entry
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import allow, principal, tenant
from loyalty.web.fields import (
    Attributes,
    Choice,
    EntryId,
    Flag,
    Id,
    Instant,
    ListOf,
    MemberId,
    Part,
    Points,
    Schema,
    Slug,
    Text,
)
from loyalty.web.resource import Resource
from loyalty.web.rest.statement import EntrySchema

_CAUSES = (
    "earn",
    "return",
    "redemption",
    "adjustment",
    "transfer",
    "merge",
    "opening",
    "act",
    "time",
)
_ROLES = ("made", "drew", "returned", "activated")

entries = Resource("entries", description="Why each entry of the ledger was written.")


class CauseSchema(Schema):
    """What caused an entry: `href` tells it in full, `entries` are others that it caused."""

    kind = Choice(_CAUSES, required=True)
    id = Id(required=True)
    href = Text(required=True, allow_none=True)
    actor = Text(required=True, allow_none=True, most=300)
    reason = Text(required=True, allow_none=True, most=500)
    told = Attributes(required=True)
    entries = ListOf(EntryId(), most=MOST_LOTS, required=True)


class LaterSchema(Schema):
    """What happened to points of a lot later."""

    entry = EntryId(required=True)
    kind = Choice(list(Kind), required=True)
    points = Points(required=True)
    from_bucket = Choice(list(Bucket), required=True, data_key="from")
    to_bucket = Choice(list(Bucket), required=True, data_key="to")
    occurred_at = Instant(required=True)


class LotToldSchema(Schema):
    """A lot and what the entry did to it: `here` points of it; `remaining` are left now."""

    id = EntryId(required=True)
    role = Choice(_ROLES, required=True)
    here = Points(required=True)
    points = Points(required=True)
    remaining = Points(required=True)
    active = Flag(required=True)
    activates_at = Instant(required=True, allow_none=True)
    expires_at = Instant(required=True, allow_none=True)
    made_by = Choice(list(Kind), required=True)
    later = ListOf(Part(LaterSchema), most=MOST_LOTS, required=True)


class ExplainedSchema(Schema):
    """An entry explained; `why` is there for what was earned."""

    program = Slug(required=True)
    member_id = MemberId(required=True)
    entry = Part(EntrySchema, required=True)
    points = Points(required=True)
    from_bucket = Choice(list(Bucket), required=True, data_key="from")
    to_bucket = Choice(list(Bucket), required=True, data_key="to")
    sentence = Text(required=True, most=20_000)
    cause = Part(CauseSchema, required=True)
    lots = ListOf(Part(LotToldSchema), most=MOST_LOTS, required=True)
    why = Attributes(required=True, allow_none=True)


_EXPLAINED = ExplainedSchema(exclude=("why",))


@entries.route("/entries/<entry:entry_id>/explain", methods=["GET"])
@allow("statement.read")
@entries.response(200, ExplainedSchema)
def explain(entry_id: tuple[int, int]) -> Response:
    """Tell why an entry was written, by whom, from which lots, and what became of them."""
    with transaction(tenant()) as session:
        told = explain_entry(session, *entry_id)
    if not principal().speaks_for(told.member_id):
        raise NotFound(f"There is no entry {entry_id[0]}-{entry_id[1]}.")
    return json_answer(shown_explained(told))


def shown_explained(told: Explained) -> dict[str, Any]:
    """The entry as ExplainedSchema says."""
    shown: dict[str, Any] = _EXPLAINED.dump({**_fields(told), "entry": told.line})
    return {**shown, "why": told.why}


def _fields(told: Explained) -> dict[str, Any]:
    return {name: getattr(told, name) for name in told.__slots__}
