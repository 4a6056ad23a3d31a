"""Re-evaluations: a rule was wrong, and what purchases earned by it is worked out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response

from loyalty.care.re_evaluate import queries
from loyalty.care.re_evaluate.queries import ToldRun, run_by_id
from loyalty.care.re_evaluate.start import Run, start
from loyalty.care.re_evaluate.stop import stop
from loyalty.clock import now
from loyalty.programs.cache import recent_program
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import (
    Choice,
    Flag,
    Id,
    Instant,
    Integer,
    ListOf,
    Points,
    Schema,
    Slug,
    Text,
)
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.once import once
from loyalty.web.resource import Resource

_MOST_VERSIONS = 2**31 - 1
_STATUSES = ("running", "done", "stopped", "failed")

re_evaluations = Resource(
    "re_evaluations", description="Purchases are worked out again, and the difference is posted."
)


class NewRunSchema(Schema):
    """Purchases that occurred from `from` until before `until`.

    With `promotion` and `version`, that version judges them instead of those that were in force.
    """

    reason = Text(most=500, required=True)
    from_ = Instant(required=True, data_key="from", attribute="occurred_from")
    until = Instant(required=True, attribute="occurred_until")
    promotion = Slug(metadata={"description": "Its key."})
    version = Integer(least=1, most=_MOST_VERSIONS)
    source = Text(most=100)
    dry_run = Flag(load_default=False, metadata={"description": "Count, and change nothing."})


class RunSchema(Schema):
    """A run. `looked` purchases were worked out again, `corrected` of them are worth something
    else; `skipped` of these were let be. `given` and `taken` are points."""

    id = Id(required=True)
    program = Slug(required=True)
    reason = Text(most=500, required=True)
    from_ = Instant(required=True, data_key="from", attribute="occurred_from")
    until = Instant(required=True, attribute="occurred_until")
    promotion = Slug(required=True, allow_none=True)
    version = Integer(required=True, allow_none=True)
    source = Text(required=True, allow_none=True)
    dry_run = Flag(required=True)
    status = Choice(_STATUSES, required=True)
    detail = Text(most=1000, required=True, allow_none=True)
    looked = Integer(required=True)
    corrected = Integer(required=True)
    skipped = Integer(required=True)
    given = Points(required=True)
    taken = Points(required=True)
    actor = Text(most=300, required=True)
    started_at = Instant(required=True)
    ended_at = Instant(required=True, allow_none=True)


class CorrectionSchema(Schema):
    """What one purchase earns now. Of the `difference`, `moved` was given or, below zero, taken;
    what had ended before, or the program lets be, moves nothing."""

    id = Id(required=True, metadata={"description": "Of its adjustment too."})
    earn_id = Id(required=True)
    points = Points(required=True)
    difference = Integer(least=-Points().most, required=True)
    moved = Integer(least=-Points().most, required=True)
    entries = ListOf(Text(), most=20, required=True)
    corrected_at = Instant(required=True)


_RUN = RunSchema()


def shown_run(run: ToldRun) -> Mapping[str, Any]:
    """The run as RunSchema says."""
    shown: Mapping[str, Any] = _RUN.dump(run)
    return shown


@re_evaluations.route("/programs/<slug:program>/re-evaluations", methods=["POST"])
@allow("re_evaluations.start")
@re_evaluations.keyed(required=True)
@re_evaluations.arguments(NewRunSchema)
@re_evaluations.response(202, RunSchema, description="A worker goes on with it, batch by batch")
def create(wanted: dict[str, Any], program: str) -> Response:
    """Work purchases out again. Each is corrected once, by an adjustment with the reason."""
    who = principal()
    with transaction(who.tenant_id) as session:
        book, at = recent_program(session, program), now(session)

        def act() -> Mapping[str, Any]:
            made = start(session, book, Run(**wanted), acting(at))
            return shown_run(run_by_id(session, made))

        return once(session, wanted, act, at=at, status=202)


@re_evaluations.route("/programs/<slug:program>/re-evaluations", methods=["GET"])
@allow("re_evaluations.read")
@re_evaluations.arguments(ListById, location="query")
@re_evaluations.response(200, page_schema(RunSchema))
def index(asked: dict[str, Any], program: str) -> object:
    """List the runs of a program, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        found = queries.runs(session, book.id, before=asked["after"], limit=limit + 1)
    return page(found, limit, lambda one: one.id)


@re_evaluations.route("/re-evaluations/<id:run_id>", methods=["GET"])
@allow("re_evaluations.read")
@re_evaluations.response(200, RunSchema)
def read(run_id: UUID) -> ToldRun:
    """Tell how far a run is, and what came of it."""
    with transaction(tenant()) as session:
        return run_by_id(session, run_id)


@re_evaluations.route("/re-evaluations/<id:run_id>/corrections", methods=["GET"])
@allow("re_evaluations.read")
@re_evaluations.arguments(ListById, location="query")
@re_evaluations.response(200, page_schema(CorrectionSchema))
def corrections(asked: dict[str, Any], run_id: UUID) -> object:
    """List what a run corrected, the newest purchase first; a dry run corrects nothing."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        run_by_id(session, run_id)
        found = queries.corrections(session, run_id, before=asked["after"], limit=limit + 1)
    return page(found, limit, lambda one: one.earn_id)


@re_evaluations.route("/re-evaluations/<id:run_id>/stop", methods=["POST"])
@allow("re_evaluations.stop")
@re_evaluations.response(200, RunSchema)
def halt(run_id: UUID) -> ToldRun:
    """End a run where it is; what it has corrected stays corrected."""
    who = principal()
    with transaction(who.tenant_id) as session:
        run_by_id(session, run_id)
        stop(session, run_id, acting(now(session)))
        return run_by_id(session, run_id)
