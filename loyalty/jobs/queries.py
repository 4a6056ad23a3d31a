"""Reads of jobs and of the rows they refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.jobs.models import RefusalRow


@dataclass(frozen=True, slots=True)
class ToldJob:
    """A job: what was asked for, how far it is, and what came of it so far."""

    id: UUID
    kind: str
    program: str | None
    status: str
    input: dict[str, Any]
    total: int | None
    done: int
    changed: int
    refused: int
    reason: str | None
    detail: str | None
    actor: str
    started_at: datetime
    ended_at: datetime | None


_JOB = """
    SELECT j.id, j.kind, p.slug AS program, j.status, j.input, j.total, j.done, j.changed,
           j.refused, j.reason, j.detail, j.actor, j.started_at, j.ended_at
    FROM job j LEFT JOIN program p ON p.tenant_id = j.tenant_id AND p.id = j.program_id
    WHERE j.tenant_id = :tenant AND j.kind = :kind
"""
_ONE = text(f"{_JOB} AND j.id = :id")
_PAGE = text(
    f"{_JOB} AND j.id < :before AND (CAST(:program AS integer) IS NULL OR j.program_id = :program)"
    " ORDER BY j.id DESC LIMIT :limit"
)
_LAST_ID = UUID(int=2**128 - 1)


def job_by_id(session: Session, kind: str, job_id: UUID) -> ToldJob:
    """One job of a kind. Raises NotFound."""
    values = {"tenant": session.info["tenant_id"], "kind": kind, "id": job_id}
    row = session.execute(_ONE, values).one_or_none()
    if row is None:
        raise NotFound(f"There is no {kind.replace('_', ' ')} {job_id}.")
    return ToldJob(*row)


def jobs(
    session: Session, kind: str, program_id: int | None, *, before: UUID | None, limit: int
) -> list[ToldJob]:
    """A page of the jobs of a kind, of a program or of all, newest first."""
    values = {
        "tenant": session.info["tenant_id"],
        "kind": kind,
        "program": program_id,
        "before": before or _LAST_ID,
        "limit": limit,
    }
    return [ToldJob(*row) for row in session.execute(_PAGE, values)]


def refusals(
    session: Session, job_id: UUID, *, after: int | None, limit: int
) -> Sequence[RefusalRow]:
    """A page of the rows that a job refused, in its order, from after the place `after`."""
    query = select(RefusalRow).where(
        RefusalRow.tenant_id == session.info["tenant_id"], RefusalRow.job_id == job_id
    )
    if after is not None:
        query = query.where(RefusalRow.place > after)
    return session.scalars(query.order_by(RefusalRow.place).limit(limit)).all()


_STANDING_STILL = text(
    "SELECT j.tenant_id, j.id FROM job j JOIN tenant t ON t.id = j.tenant_id"
    " WHERE j.status IN ('queued', 'running')"
    " AND j.moved_at + :patience <= :at + t.clock_offset ORDER BY j.moved_at LIMIT :most"
)


def standing_still(
    session: Session, patience: timedelta, at: datetime, most: int = 100
) -> list[tuple[int, UUID]]:
    """Open jobs of any tenant that have not moved for so long: their wake-up was lost."""
    values = {"patience": patience, "at": at, "most": most}
    return [(row.tenant_id, row.id) for row in session.execute(_STANDING_STILL, values)]
