"""Lines of a file: those that were read wait in chunks until a worker brings them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, Problem
from loyalty.jobs.imports.records import Record, What, from_json, to_json
from loyalty.jobs.step import Refused

_MOST_DETAIL = 1000
_MOST_SUBJECT = 300
_MOST_ERRORS = 5


class UploadGone(Conflict):
    """409: what was uploaded waited for too long, and was dropped."""

    code = "upload_gone"
    title = "The uploaded lines are gone"
    cure = "Import the file again: what was brought in before stays as it is."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file by its number, from 1: what it says, or why it was refused."""

    number: int
    said: Record | Refused


def refused(number: int, subject: str, problem: Problem) -> Refused:
    """Why nothing was done of a line: each wrong field, where fields are to blame."""
    errors = problem.errors[:_MOST_ERRORS]
    detail = " ".join(f"{error.pointer}: {error.detail}" for error in errors) or problem.detail
    code = errors[0].code if errors else problem.code
    return Refused(number, subject[:_MOST_SUBJECT], code, detail[:_MOST_DETAIL])


_ADD = text(
    "INSERT INTO import_chunk (tenant_id, upload_id, n, lines, added_at)"
    " VALUES (:tenant, :upload, :n, CAST(:lines AS json), :at)"
)
_TAKE = text(
    "DELETE FROM import_chunk WHERE tenant_id = :tenant AND upload_id = :upload AND n = :n"
    " RETURNING lines"
)
_STALE = text(
    "DELETE FROM import_chunk WHERE (tenant_id, upload_id, n) IN ("
    " SELECT tenant_id, upload_id, n FROM import_chunk WHERE added_at < :before"
    " ORDER BY added_at LIMIT 1000)"
)
_FORGET = text("DELETE FROM import_chunk WHERE tenant_id = :tenant AND upload_id = :upload")


def add_chunk(
    session: Session, upload_id: UUID, n: int, lines: Sequence[Line], at: datetime
) -> None:
    """Puts the next lines of an upload where its job will find them."""
    rows = [_row(line) for line in lines]
    session.execute(
        _ADD,
        {
            "tenant": session.info["tenant_id"],
            "upload": upload_id,
            "n": n,
            "lines": orjson.dumps(rows).decode(),
            "at": at,
        },
    )


def _row(line: Line) -> list[object]:
    if isinstance(line.said, Refused):
        return [line.number, None, line.said.subject, line.said.code, line.said.detail]
    return [line.number, to_json(line.said)]


def take_chunk(session: Session, upload_id: UUID, n: int, what: What) -> list[Line]:
    """The lines of a chunk, which is gone with the caller's commit. Raises UploadGone."""
    values = {"tenant": session.info["tenant_id"], "upload": upload_id, "n": n}
    rows = session.execute(_TAKE, values).scalar_one_or_none()
    if rows is None:
        raise UploadGone
    return [
        Line(number, Refused(number, *why) if record is None else from_json(what, record))
        for number, record, *why in rows
    ]


def forget_upload(session: Session, upload_id: UUID) -> None:
    """What is left of an upload that is not to be brought in."""
    session.execute(_FORGET, {"tenant": session.info["tenant_id"], "upload": upload_id})


def drop_stale(session: Session, before: datetime) -> None:
    """Chunks of any tenant that were put down before an instant, a thousand at most."""
    session.execute(_STALE, {"before": before})
