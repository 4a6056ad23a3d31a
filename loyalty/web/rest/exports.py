"""Exports: everything of the tenant, or of one member, as it stood at one instant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

from flask import Response

from loyalty.audit.record import record
from loyalty.clock import now
from loyalty.errors import Problem
from loyalty.members.queries import member_by_id
from loyalty.people.export import export, members_rows
from loyalty.people.export_file import ndjson, zipped
from loyalty.transaction import snapshot, transaction
from loyalty.web.auth import acting, allow, principal
from loyalty.web.batch import NDJSON
from loyalty.web.fields import Choice, Schema
from loyalty.web.resource import Resource

_ZIP = "application/zip"
_FORMS: dict[str, tuple[str, Callable[..., Iterator[bytes]]]] = {
    "ndjson": (NDJSON, ndjson),
    "zip": (_ZIP, zipped),
}
Form = Literal["ndjson", "zip"]

exports = Resource("exports", description="Everything of a tenant or of a member, to take along.")


class ExportUnderWay(Problem):
    """503: this process is writing an export already."""

    status = 503
    code = "export_under_way"
    title = "Another export is under way"
    cure = "Send the same request again after `Retry-After` seconds."
    retry_after_s = 10


class NewExportSchema(Schema):
    """NDJSON, a line for each row; or a zip, with a file for each table."""

    format = Choice(tuple(_FORMS), load_default="ndjson")


class MemberExport(Schema):
    """NDJSON, or a zip."""

    format = Choice(tuple(_FORMS), load_default="ndjson")


_TOLD = {
    "200": {
        "description": "All that is stored, table by table; secrets are left out",
        "content": {
            NDJSON: {"schema": {"type": "string"}},
            _ZIP: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
#: One at a time in a process: each keeps a thread and a connection for as long as it is read.
_turn = threading.Semaphore()


class _Turn:
    """The turn to export, until `end` is called: by whoever comes to it first."""

    def __init__(self) -> None:
        if not _turn.acquire(blocking=False):
            raise ExportUnderWay
        self._ended = False

    def end(self) -> None:
        """It is the next one's turn."""
        if not self._ended:
            self._ended = True
            _turn.release()


@exports.route("/exports", methods=["POST"])
@allow("exports.create")
@exports.arguments(NewExportSchema)
@exports.doc(responses=_TOLD)
def create(wanted: dict[str, Any]) -> Response:
    """Export everything of the tenant, as it stands now, in one stream."""
    return _streamed(wanted["format"], None)


@exports.route("/members/<member:member_id>/export", methods=["GET"])
@allow("exports.member")
@exports.arguments(MemberExport, location="query")
@exports.doc(responses=_TOLD)
def of_member(asked: dict[str, Any], member_id: str) -> Response:
    """Export everything that is stored of a member, with those who were merged into them."""
    return _streamed(asked["format"], member_id)


def _streamed(form: Form, member_id: str | None) -> Response:
    who, (mimetype, write) = principal(), _FORMS[form]
    turn = _Turn()
    try:
        with transaction(who.tenant_id) as session:
            about = member_by_id(session, member_id).member_id if member_id else None
            record(
                session,
                acting(now(session)),
                act="member.export" if about else "tenant.export",
                subject=f"member {about}" if about else "tenant",
                after={"format": form},
            )
    except BaseException:
        turn.end()
        raise
    name = "member" if about else "tenant"
    rows = _rows(who.tenant_id, about, turn)
    response = Response(write(rows), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    response.call_on_close(turn.end)  # also where nobody began to read
    return response


def _rows(tenant_id: int, member_id: str | None, turn: _Turn) -> Iterator[tuple[str, str]]:
    try:
        with snapshot(tenant_id) as session:
            whose = members_rows(session, member_id) if member_id else None
            yield from export(session, whose)
    finally:
        turn.end()
