"""Reads of re-evaluations and of what they corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound


@dataclass(frozen=True, slots=True)
class ToldRun:
    """A run: what it goes over, how far it is, and what came of it so far."""

    id: UUID
    program: str
    reason: str
    promotion: str | None
    version: int | None
    source: str | None
    occurred_from: datetime
    occurred_until: datetime
    dry_run: bool
    status: str
    detail: str | None
    looked: int
    corrected: int
    skipped: int
    given: int
    taken: int
    actor: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToldCorrection:
    """What one purchase earns now: `difference` was to be posted, `moved` of it was."""

    id: UUID
    earn_id: UUID
    points: int
    difference: int
    moved: int
    entries: Sequence[str]
    corrected_at: datetime


_RUN = """
    SELECT r.id, p.slug AS program, r.reason, o.key AS promotion, r.version, r.source,
           r.occurred_from, r.occurred_until, r.dry_run, r.status, r.detail, r.looked, r.corrected,
           r.skipped, r.given, r.taken, r.actor, r.started_at, r.ended_at
    FROM re_evaluation r
    JOIN program p ON p.tenant_id = r.tenant_id AND p.id = r.program_id
    LEFT JOIN promotion o ON o.tenant_id = r.tenant_id AND o.id = r.promotion_id
    WHERE r.tenant_id = :tenant
"""
_ONE = text(f"{_RUN} AND r.id = :id")
_PAGE = text(
    f"{_RUN} AND r.program_id = :program AND r.id < :before ORDER BY r.id DESC LIMIT :limit"
)
_CORRECTIONS = text(
    "SELECT id, activity_id, account_id, account_version, entries, points, difference, moved,"
    " corrected_at FROM correction WHERE tenant_id = :tenant AND re_evaluation_id = :run"
    " AND activity_id < :before ORDER BY activity_id DESC LIMIT :limit"
)
_LAST_ID = UUID(int=2**128 - 1)


def run_by_id(session: Session, run_id: UUID) -> ToldRun:
    """One run. Raises NotFound."""
    row = session.execute(_ONE, {"tenant": session.info["tenant_id"], "id": run_id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no re-evaluation {run_id}.")
    return ToldRun(*row)


def runs(session: Session, program_id: int, *, before: UUID | None, limit: int) -> list[ToldRun]:
    """A page of a program's runs, newest first."""
    values = {
        "tenant": session.info["tenant_id"],
        "program": program_id,
        "before": before or _LAST_ID,
        "limit": limit,
    }
    return [ToldRun(*row) for row in session.execute(_PAGE, values)]


def corrections(
    session: Session, run_id: UUID, *, before: UUID | None, limit: int
) -> list[ToldCorrection]:
    """A page of what a run corrected, the newest purchase first, from before the purchase's id."""
    values = {
        "tenant": session.info["tenant_id"],
        "run": run_id,
        "before": before or _LAST_ID,
        "limit": limit,
    }
    return [_correction(row) for row in session.execute(_CORRECTIONS, values)]


def _correction(row: Row[Any]) -> ToldCorrection:
    versions = range(row.account_version + 1, row.account_version + 1 + row.entries)
    return ToldCorrection(
        row.id,
        row.activity_id,
        row.points,
        row.difference,
        row.moved,
        [f"{row.account_id}-{version}" for version in versions],
        row.corrected_at,
    )


_STALLED = text(
    "SELECT r.tenant_id, r.id FROM re_evaluation r"
    " JOIN tenant t ON t.id = r.tenant_id"
    " WHERE r.status = 'running' AND r.moved_at + :patience <= :at + t.clock_offset"
    " ORDER BY r.moved_at LIMIT 100"
)


def stalled(session: Session, patience: Any, at: datetime) -> list[tuple[int, UUID]]:
    """Runs of any tenant that have not moved for so long: their wake-up was lost."""
    rows = session.execute(_STALLED, {"patience": patience, "at": at})
    return [(row.tenant_id, row.id) for row in rows]
