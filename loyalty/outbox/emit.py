"""Events: what happened is written down in the transaction that did it, and told afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ids import uuid7


@dataclass(frozen=True, slots=True)
class Event:
    """`type` is noun and what became of it (`tier.changed`), `subject` whom it is about
    (`member m-1`); `data` is what JSON can hold, and names ids, never secrets."""

    type: str
    subject: str
    data: Mapping[str, Any]
    program_id: int | None = None


_EMIT = text(
    "INSERT INTO event (tenant_id, id, type, subject, program_id, data, at)"
    " SELECT :tenant, r.id, r.type, r.subject, r.program_id, r.data, :at"
    " FROM json_to_recordset(CAST(:events AS json))"
    " AS r(id uuid, type text, subject text, program_id integer, data jsonb)"
)


def emit(session: Session, events: Sequence[Event], at: datetime) -> None:
    """Writes events in the caller's transaction, in one statement; none costs nothing."""
    if not events:
        return
    rows = [
        {
            "id": uuid7(),
            "type": one.type,
            "subject": one.subject,
            "program_id": one.program_id,
            "data": dict(one.data),
        }
        for one in events
    ]
    session.execute(
        _EMIT,
        {"tenant": session.info["tenant_id"], "events": orjson.dumps(rows).decode(), "at": at},
    )
