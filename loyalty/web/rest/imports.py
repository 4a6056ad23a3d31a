"""Imports: a file comes in, a worker brings it in, and tells how far it is and what it refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from loyalty.clock import now
from loyalty.jobs.cancel import cancel, go_on
from loyalty.jobs.imports.records import WHATS
from loyalty.jobs.imports.step import KIND, start_import
from loyalty.jobs.queries import ToldJob, job_by_id, jobs
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.batch import NDJSON
from loyalty.web.fields import (
    Choice,
    Flag,
    Id,
    Instant,
    Integer,
    QueryFlag,
    Schema,
    Slug,
    Text,
)
from loyalty.web.import_upload import CSV, receive
from loyalty.web.jobs import STATUSES, refused_rows, told, turned
from loyalty.web.lists import ListById, ListByNumber, page, page_schema
from loyalty.web.resource import Resource

imports = Resource("imports", description="Files of another system: members, points, purchases.")


class NewImport(Schema):
    """What the body is: CSV whose first line names the columns, or NDJSON."""

    program = Slug(required=True)
    what = Choice(WHATS, required=True)
    dry_run = QueryFlag(
        load_default=False, metadata={"description": "Tell what would come of it; change nothing."}
    )
    file = Text(most=200, load_default=None, metadata={"description": "Its name, to be told by."})


class ImportSchema(Schema):
    """How far an import is. Of the `done` lines so many were new or said something new
    (`changed`), and so many `refused`; the others had been brought in before."""

    id = Id(required=True)
    program = Slug(required=True)
    what = Choice(WHATS, required=True)
    file = Text(required=True, allow_none=True)
    dry_run = Flag(required=True)
    status = Choice(STATUSES, required=True)
    detail = Text(most=1000, required=True, allow_none=True)
    lines = Integer(required=True)
    done = Integer(required=True)
    changed = Integer(required=True)
    refused = Integer(required=True)
    actor = Text(most=300, required=True)
    started_at = Instant(required=True)
    ended_at = Instant(required=True, allow_none=True)


class RefusedLineSchema(Schema):
    """A line that was not brought in, by its number in the file, and why."""

    line = Integer(required=True)
    subject = Text(most=300, least=0, required=True)
    code = Text(required=True)
    detail = Text(most=1000, required=True)


def _shown(job: ToldJob) -> Mapping[str, Any]:
    return {
        "id": job.id,
        "program": job.program,
        "what": job.input["what"],
        "file": job.input["file"],
        "dry_run": job.input["dry_run"],
        "status": job.status,
        "detail": job.detail,
        "lines": job.total,
        "done": job.done,
        "changed": job.changed,
        "refused": job.refused,
        "actor": job.actor,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
    }


@imports.route("/imports", methods=["POST"])
@allow("imports.create")
@imports.doc(
    requestBody={
        "required": True,
        "content": {
            CSV: {"schema": {"type": "string"}},
            NDJSON: {"schema": {"anyOf": [{"type": "object"}, {"type": "string"}]}},
        },
    }
)
@imports.arguments(NewImport, location="query")
@imports.response(202, ImportSchema, description="A worker brings it in, a thousand lines at once")
def create(asked: dict[str, Any]) -> Mapping[str, Any]:
    """Bring in a file of up to 256 MiB. Sending it again changes nothing: so a broken one is."""
    who = principal()
    with transaction(who.tenant_id) as session:
        program_by_slug(session, asked["program"])
    upload = receive(who.tenant_id, asked["what"], asked["file"], dry_run=asked["dry_run"])
    with transaction(who.tenant_id) as session:
        book, by = program_by_slug(session, asked["program"]), acting(now(session))
        return _shown(job_by_id(session, KIND, start_import(session, book, upload, by)))


@imports.route("/imports", methods=["GET"])
@allow("imports.read")
@imports.arguments(ListById, location="query")
@imports.response(200, page_schema(ImportSchema))
def browse(asked: dict[str, Any]) -> object:
    """List the imports, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        found = jobs(session, KIND, None, before=asked["after"], limit=limit + 1)
    return page([_shown(one) for one in found], limit, lambda one: one["id"])


@imports.route("/imports/<id:import_id>", methods=["GET"])
@allow("imports.read")
@imports.response(200, ImportSchema)
def read(import_id: UUID) -> Mapping[str, Any]:
    """Tell how far an import is, and what came of it."""
    return _shown(told(KIND, import_id))


@imports.route("/imports/<id:import_id>/refused", methods=["GET"])
@allow("imports.read")
@imports.arguments(ListByNumber, location="query")
@imports.response(200, page_schema(RefusedLineSchema))
def refused_lines(asked: dict[str, Any], import_id: UUID) -> object:
    """List the lines that were refused and why, in the order of the file."""
    lines = [
        {"line": one.place, "subject": one.subject, "code": one.code, "detail": one.detail}
        for one in refused_rows(KIND, import_id, asked)
    ]
    return page(lines, asked["limit"], lambda one: str(one["line"]))


@imports.route("/imports/<id:import_id>/cancel", methods=["POST"])
@allow("imports.create")
@imports.response(200, ImportSchema)
def halt(import_id: UUID) -> Mapping[str, Any]:
    """End an import where it is; what was brought in stays."""
    return _shown(turned(KIND, import_id, cancel))


@imports.route("/imports/<id:import_id>/resume", methods=["POST"])
@allow("imports.create")
@imports.response(200, ImportSchema)
def resume(import_id: UUID) -> Mapping[str, Any]:
    """Go on with an import that has failed or was cancelled."""
    return _shown(turned(KIND, import_id, go_on))
