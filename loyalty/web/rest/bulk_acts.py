"""Bulk acts: one act for all members whom a search finds, done by a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import validates_schema

from loyalty.care.rules import alone_up_to
from loyalty.clock import now
from loyalty.jobs.bulk_acts.act import ACTS, BulkAct
from loyalty.jobs.bulk_acts.members import Member
from loyalty.jobs.bulk_acts.start import (
    BULK_ACT,
    MOST_SHOWN,
    Preview,
    Sample,
    preview,
    start_bulk_act,
)
from loyalty.jobs.cancel import cancel, go_on
from loyalty.jobs.queries import ToldJob, job_by_id, jobs
from loyalty.programs.cache import recent_program
from loyalty.programs.queries import Program
from loyalty.transaction import transaction, undone
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import (
    Choice,
    Flag,
    Instant,
    Integer,
    ListOf,
    MemberId,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    refuse,
)
from loyalty.web.fields.trees import Tree
from loyalty.web.jobs import JobSchema, RefusalSchema, refused_rows, told, turned
from loyalty.web.lists import ListById, ListByNumber, page, page_schema
from loyalty.web.once import once, required_key
from loyalty.web.resource import Resource
from loyalty.web.search_schema import QuerySchema

#: What each act needs besides, and what it may be given.
_NEEDS = {"adjust": ("points",), "re_tier": ("tier",)}
_TAKES = {**_NEEDS, "re_tier": ("tier", "until")}

bulk_acts = Resource("bulk_acts", description="One act for all members whom a search finds.")


class NewBulkActSchema(Schema):
    """What is done to whom. `adjust` needs `points` (above zero given, below taken), `re_tier`
    needs a `tier` and may promise it `until` then; `re_award` tries failed purchases again."""

    program = Slug(required=True)
    query = Part(QuerySchema, required=True)
    act = Choice(tuple(ACTS), required=True)
    reason = Text(most=500, required=True)
    points = Integer(least=-Points().most, most=Points().most)
    tier = Slug()
    until = Instant()
    dry_run = Flag(
        load_default=False, metadata={"description": "Tell what would change; change nothing."}
    )

    @validates_schema(skip_on_field_errors=True)
    def _fits(self, values: dict[str, Any], **_: Any) -> None:
        act = values["act"]
        for name in _NEEDS.get(act, ()):
            if name not in values:
                raise refuse("required", f"{act} needs {name}.", name)
        for name in ("points", "tier", "until"):
            if name in values and name not in _TAKES.get(act, ()):
                raise refuse("not_for_this_act", f"{name} means nothing to {act}.", name)
        if values.get("points") == 0:
            raise refuse("zero", "Points above zero are given, below zero taken.", "points")


class BulkActSchema(JobSchema):
    """A bulk act and how far it is; `query` is as it was asked for."""

    program = Slug(required=True)
    act = Choice(tuple(ACTS), required=True)
    query = Tree(required=True)
    points = Integer(least=-Points().most, most=Points().most, required=True, allow_none=True)
    tier = Slug(required=True, allow_none=True)
    until = Instant(required=True, allow_none=True)
    reason = Text(most=500, required=True)


class BulkActStandSchema(Schema):
    """How a member stands."""

    status = Text(most=20, required=True)
    tier = Slug(required=True)
    available = Points(required=True)


class BulkActRefusalSchema(Schema):
    """Why the act could not be done to a member."""

    code = Text(most=100, required=True)
    detail = Text(most=1000, required=True)


class BulkActSampleSchema(Schema):
    """A member before and after; `after` is null for who would be refused."""

    member_id = MemberId(required=True)
    before = Part(BulkActStandSchema, required=True)
    after = Part(BulkActStandSchema, required=True, allow_none=True)
    refused = Part(BulkActRefusalSchema, required=True, allow_none=True)


class BulkActPreviewSchema(Schema):
    """How many members the act would be for, and how some of them, who joined last, would stand."""

    program = Slug(required=True)
    act = Choice(tuple(ACTS), required=True)
    matched = Integer(required=True)
    sample = ListOf(Part(BulkActSampleSchema), most=MOST_SHOWN, required=True)


class BulkActListArgs(ListById):
    """The filter of the list."""

    program = Slug()


_BULK_ACT = BulkActSchema()


@bulk_acts.route("/bulk-acts", methods=["POST"])
@allow("bulk_acts.start")
@bulk_acts.keyed(required=True)
@bulk_acts.arguments(NewBulkActSchema)
@bulk_acts.response(202, BulkActSchema, description="A worker goes on with it, batch by batch")
@bulk_acts.alt_response(200, schema=BulkActPreviewSchema, description="A dry run")
def create(wanted: dict[str, Any]) -> Response:
    """Act for all members whom a search finds: each once, whatever is killed meanwhile."""
    required_key()
    who, dry_run = principal(), wanted.pop("dry_run")
    slug = wanted.pop("program")
    act = BulkAct(**wanted)
    if dry_run:
        with undone(who.tenant_id) as session:
            book = recent_program(session, slug)
            by = acting(now(session))
            told = preview(session, book, act, by, alone_up_to=_alone_up_to(book))
        return json_answer(_shown_preview(slug, act, told), 200, {})
    with transaction(who.tenant_id) as session:
        book = recent_program(session, slug)
        by = acting(now(session))

        def begin() -> Mapping[str, Any]:
            made = start_bulk_act(session, book, act, by, alone_up_to=_alone_up_to(book))
            return _shown(job_by_id(session, BULK_ACT, made))

        given = {"program": slug, "reason": act.reason, **act.to_json()}
        return once(session, given, begin, at=by.at, status=202)


def _alone_up_to(book: Program) -> int | None:
    role, settings = principal().role, book.settings
    return alone_up_to(role, settings.support_adjusts_up_to, settings.approval.admin_adjusts_up_to)


@bulk_acts.route("/bulk-acts", methods=["GET"])
@allow("bulk_acts.read")
@bulk_acts.arguments(BulkActListArgs, location="query")
@bulk_acts.response(200, page_schema(BulkActSchema))
def index(asked: dict[str, Any]) -> object:
    """List bulk acts, of a program or of all, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        program = recent_program(session, asked["program"]).id if "program" in asked else None
        found = jobs(session, BULK_ACT, program, before=asked["after"], limit=limit + 1)
    told, status, headers = page(found, limit, lambda one: one.id)
    return {**told, "data": [_flat(one) for one in told["data"]]}, status, headers


@bulk_acts.route("/bulk-acts/<id:act_id>", methods=["GET"])
@allow("bulk_acts.read")
@bulk_acts.response(200, BulkActSchema)
def read(act_id: UUID) -> Mapping[str, Any]:
    """Tell how far a bulk act is, and what came of it."""
    return _flat(told(BULK_ACT, act_id))


@bulk_acts.route("/bulk-acts/<id:act_id>/refusals", methods=["GET"])
@allow("bulk_acts.read")
@bulk_acts.arguments(ListByNumber, location="query")
@bulk_acts.response(200, page_schema(RefusalSchema))
def refused(asked: dict[str, Any], act_id: UUID) -> object:
    """List the members to whom it could not be done, and why, in its own order."""
    return page(refused_rows(BULK_ACT, act_id, asked), asked["limit"], lambda one: one.place)


@bulk_acts.route("/bulk-acts/<id:act_id>/cancel", methods=["POST"])
@allow("bulk_acts.stop")
@bulk_acts.response(200, BulkActSchema)
def stop(act_id: UUID) -> Mapping[str, Any]:
    """End a bulk act where it is; what it has done stays done."""
    return _flat(turned(BULK_ACT, act_id, cancel))


@bulk_acts.route("/bulk-acts/<id:act_id>/resume", methods=["POST"])
@allow("bulk_acts.stop")
@bulk_acts.response(200, BulkActSchema)
def resume(act_id: UUID) -> Mapping[str, Any]:
    """Go on with one that failed or was cancelled, after the last member who was done."""
    return _flat(turned(BULK_ACT, act_id, go_on))


def _flat(job: ToldJob) -> Mapping[str, Any]:
    """The job with what was asked for beside it, as BulkActSchema takes it."""
    act = BulkAct.from_json(job.input, job.reason or "")
    kept = {"query": job.input["query"], "act": act.act, "points": act.points, "tier": act.tier}
    told = {name: getattr(job, name) for name in JobSchema._declared_fields}
    return {**told, **kept, "until": act.until, "program": job.program, "reason": job.reason}


def _shown(job: ToldJob) -> Mapping[str, Any]:
    shown: Mapping[str, Any] = _BULK_ACT.dump(_flat(job))
    return shown


def _shown_preview(slug: str, act: BulkAct, told: Preview) -> dict[str, Any]:
    return {
        "program": slug,
        "act": act.act,
        "matched": told.matched,
        "sample": [_shown_sample(one) for one in told.sample],
    }


def _shown_sample(one: Sample) -> dict[str, Any]:
    said = one.refused and {"code": one.refused.code, "detail": one.refused.detail}
    return {
        "member_id": one.member_id,
        "before": _stand(one.before),
        "after": one.after and _stand(one.after),
        "refused": said,
    }


def _stand(member: Member) -> dict[str, Any]:
    return {"status": member.status, "tier": member.tier, "available": member.available}
