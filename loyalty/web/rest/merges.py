"""Merges: two members become one, and may become two again while nothing has happened since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response

from loyalty.care.merge import Merge, merge
from loyalty.care.queries import Merged, read_merge
from loyalty.care.undo_merge import undo_merge
from loyalty.clock import now
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.database_errors import again_after_deadlock
from loyalty.web.fields import (
    Choice,
    Id,
    Instant,
    ListOf,
    MemberId,
    Part,
    QueryFlag,
    Schema,
    Slug,
    Text,
)
from loyalty.web.member_schema import MOST_PROGRAMS, STATUSES, BalanceSchema
from loyalty.web.once import once
from loyalty.web.program_schema import ReasonSchema
from loyalty.web.resource import Resource

merges = Resource("merges", description="Two members become one.")


class NewMergeSchema(Schema):
    """Who survives, and why."""

    into = MemberId(required=True)
    reason = Text(most=500, load_default=None, allow_none=True)


class MergeQuery(Schema):
    """`?dry_run=true` tells what would be, and leaves everything as it is."""

    dry_run = QueryFlag(load_default=False)


class AbsorbedSchema(Schema):
    """One program: what was absorbed, and how the survivor stood after it."""

    program = Slug(required=True)
    status = Choice(STATUSES, required=True)
    tier = Slug(required=True)
    absorbed = Part(BalanceSchema, required=True)
    balance = Part(BalanceSchema, required=True)


class MergedSchema(Schema):
    """A merge; `undone_at` is null while the two are one. A dry run has no id."""

    id = Id(required=True, allow_none=True)
    from_ = MemberId(required=True, data_key="from", attribute="absorbed")
    into = MemberId(required=True, attribute="survivor")
    reason = Text(required=True, allow_none=True, most=500)
    actor = Text(required=True, most=300)
    merged_at = Instant(required=True)
    undone_at = Instant(required=True, allow_none=True)
    undone_by = Text(required=True, allow_none=True, most=300)
    undo_reason = Text(required=True, allow_none=True, most=500)
    programs = ListOf(Part(AbsorbedSchema), most=MOST_PROGRAMS, required=True)


_MERGED = MergedSchema()


@merges.route("/members/<member:member_id>/merge", methods=["POST"])
@allow("merges.create")
@merges.keyed(required=False)
@merges.arguments(MergeQuery, location="query")
@merges.arguments(NewMergeSchema)
@merges.response(201, MergedSchema)
@merges.alt_response(200, schema=MergedSchema, description="A dry run: nothing was changed")
@again_after_deadlock
def create(asked: dict[str, Any], wanted: dict[str, Any], member_id: str) -> Response:
    """Merge a member into another, who takes over everything in every program.

    Needs an Idempotency-Key, unless it is a dry run.
    """
    order = Merge(member_id, wanted["into"], wanted["reason"])
    with transaction(tenant()) as session:
        at = now(session)

        def act() -> Mapping[str, Any]:
            made = merge(session, order, by=acting(at))
            return _shown(read_merge(session, made))

        if not asked["dry_run"]:
            return once(session, wanted, act, at=at)
        with session.begin_nested() as trial:
            told = {**act(), "id": None}
            trial.rollback()
        return json_answer(told)


@merges.route("/merges/<id:merge_id>", methods=["GET"])
@allow("merges.read")
@merges.response(200, MergedSchema)
def read(merge_id: UUID) -> Merged:
    """Tell a merge."""
    with transaction(tenant()) as session:
        return read_merge(session, merge_id)


@merges.route("/merges/<id:merge_id>/undo", methods=["POST"])
@allow("merges.undo")
@merges.keyed(required=True)
@merges.arguments(ReasonSchema)
@merges.response(200, MergedSchema)
@again_after_deadlock
def undo(wanted: dict[str, Any], merge_id: UUID) -> Response:
    """Take a merge back, while nothing has touched either of the two since."""
    with transaction(tenant()) as session:
        at = now(session)

        def act() -> Mapping[str, Any]:
            reason = wanted["reason"]
            undo_merge(session, merge_id, reason=reason, by=acting(at))
            return _shown(read_merge(session, merge_id))

        return once(session, wanted, act, at=at, status=200)


def _shown(made: Merged) -> Mapping[str, Any]:
    shown: dict[str, Any] = _MERGED.dump(made)
    return shown
