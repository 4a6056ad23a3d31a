"""How every job is told, stopped and resumed: what is asked for is each kind's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.clock import now
from loyalty.jobs.models import RefusalRow
from loyalty.jobs.queries import ToldJob, job_by_id, refusals
from loyalty.transaction import transaction
from loyalty.web.auth import acting, tenant
from loyalty.web.fields import Choice, Id, Instant, Integer, Schema, Text

STATUSES = ("queued", "running", "done", "failed", "cancelled")
_MOST_DETAIL = 1000


class JobSchema(Schema):
    """How far a job is. Of `total` rows (null: not counted yet) so many are `done`: `changed`,
    `refused`, or found as they should be."""

    id = Id(required=True)
    status = Choice(STATUSES, required=True)
    total = Integer(required=True, allow_none=True)
    done = Integer(required=True)
    changed = Integer(required=True)
    refused = Integer(required=True)
    detail = Text(
        most=_MOST_DETAIL,
        required=True,
        allow_none=True,
        metadata={"description": "Why it failed."},
    )
    actor = Text(most=300, required=True)
    started_at = Instant(required=True)
    ended_at = Instant(required=True, allow_none=True)


class RefusalSchema(Schema):
    """A row that could not be done. `place` is its number within the job, `subject` whom or what
    it is about."""

    place = Integer(required=True)
    subject = Text(most=200, required=True)
    code = Text(most=100, required=True)
    detail = Text(most=_MOST_DETAIL, required=True)


def told(kind: str, job_id: UUID) -> ToldJob:
    """The job as it stands. Raises NotFound for one of another kind."""
    with transaction(tenant()) as session:
        return job_by_id(session, kind, job_id)


def refused_rows(kind: str, job_id: UUID, asked: Mapping[str, Any]) -> Sequence[RefusalRow]:
    """One more than the page that is asked for, in the job's own order. Raises NotFound."""
    with transaction(tenant()) as session:
        job_by_id(session, kind, job_id)
        return refusals(session, job_id, after=asked["after"], limit=asked["limit"] + 1)


def turned(kind: str, job_id: UUID, turn: Callable[[Session, UUID, By], None]) -> ToldJob:
    """The job after it was cancelled or told to go on. Raises NotFound, and as `turn` does."""
    with transaction(tenant()) as session:
        job_by_id(session, kind, job_id)
        turn(session, job_id, acting(now(session)))
        return job_by_id(session, kind, job_id)
