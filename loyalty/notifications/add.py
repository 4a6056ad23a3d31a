"""What is worth a mail is written down, each cause once for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.clock import wall_clock
from loyalty.ids import uuid7
from loyalty.notifications.rules import Kind


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened to a membership; `name` says it so that it can happen but once."""

    kind: Kind
    name: str
    program_id: int
    membership_id: int
    data: Mapping[str, int | str | None]


_ADD = text(
    "INSERT INTO notification (tenant_id, id, program_id, membership_id, kind, cause, data, status,"
    " try_at, created_at)"
    " SELECT :tenant, r.id, r.program_id, r.membership_id, r.kind, r.name, r.data, 'waiting',"
    " :wall_clock, :at"
    " FROM json_to_recordset(CAST(:causes AS json))"
    " AS r(id uuid, program_id integer, membership_id bigint, kind text, name text, data jsonb)"
    " ORDER BY r.name"
    " ON CONFLICT (tenant_id, cause) DO NOTHING RETURNING id"
)


def add(session: Session, causes: Sequence[Cause], at: datetime) -> int:
    """Writes what is new in one statement; returns how many were."""
    if not causes:
        return 0
    rows = [
        {
            "id": uuid7(),
            "program_id": one.program_id,
            "membership_id": one.membership_id,
            "kind": one.kind,
            "name": one.name,
            "data": dict(one.data),
        }
        for one in causes
    ]
    values = {
        "tenant": session.info["tenant_id"],
        "causes": orjson.dumps(rows).decode(),
        "wall_clock": wall_clock(),
        "at": at,
    }
    return len(session.execute(_ADD, values).all())
