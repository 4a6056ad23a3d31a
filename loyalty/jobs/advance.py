"""A job advances by one batch: its row is locked, its step acts, its cursor moves; or it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from loyalty.jobs.models import JobRow, RefusalRow
from loyalty.jobs.step import Job, Refused, Step
from loyalty.outbox.emit import Event, emit

MOST_TRIES = 10  # times in a row that a worker took it up and did not end one batch

_TAKE_UP = text(
    "UPDATE job SET tries = tries + 1 WHERE tenant_id = :tenant AND id = ("
    "SELECT id FROM job WHERE tenant_id = :tenant AND id = :id"
    " AND status IN ('queued', 'running') FOR UPDATE SKIP LOCKED) RETURNING tries"
)


def take_up(session: Session, job_id: UUID) -> int:
    """Counts, in a transaction before the work, that a worker goes on with the job.

    Returns how often one did since the last batch; 0 when there is nothing to do, or another
    worker is at it. So a job that kills its workers ends, and one that was near a kill does not.
    """
    values = {"tenant": session.info["tenant_id"], "id": job_id}
    return session.execute(_TAKE_UP, values).scalar_one_or_none() or 0


def advance(session: Session, job_id: UUID, steps: Mapping[str, Step], at: datetime) -> str | None:
    """Does one batch; the job's status after it, or None when there was none to do.

    Nobody else advances or cancels the job meanwhile. Raises what its step raises: then nothing
    of the batch has happened.
    """
    job = _locked(session, job_id)
    if job is None:
        return None
    batch = steps[job.kind](session, _seen(job), at)
    job.status, job.moved_at, job.tries = "running", at, 0
    job.done += batch.done
    job.changed += batch.changed
    job.refused += len(batch.refused)
    if batch.total is not None:
        job.total = batch.total
    _write_refusals(session, job.id, batch.refused)
    if batch.cursor is None:
        _end(session, job, "done", at)
    else:
        job.cursor = dict(batch.cursor)
    session.flush()
    return job.status


def fail(session: Session, job_id: UUID, detail: str, at: datetime) -> None:
    """A batch that can't be done for a fault of our own: the job stops there, and says why."""
    job = _locked(session, job_id)
    if job is not None:
        job.detail = detail
        _end(session, job, "failed", at)
        session.flush()


def _locked(session: Session, job_id: UUID) -> JobRow | None:
    return session.scalars(
        select(JobRow)
        .where(
            JobRow.tenant_id == session.info["tenant_id"],
            JobRow.id == job_id,
            JobRow.status.in_(("queued", "running")),
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _seen(job: JobRow) -> Job:
    return Job(
        job.id,
        job.program_id,
        job.input,
        job.cursor,
        job.done,
        job.reason,
        job.actor,
        job.request_id,
    )


def _write_refusals(session: Session, job_id: UUID, refused: Sequence[Refused]) -> None:
    if refused:
        own = {"tenant_id": session.info["tenant_id"], "job_id": job_id}
        rows = [
            {**own, "place": one.place, "subject": one.subject, "code": one.code,
             "detail": one.detail}
            for one in refused
        ]  # fmt: skip
        session.execute(insert(RefusalRow), rows)


def _end(session: Session, job: JobRow, status: str, at: datetime) -> None:
    job.status, job.ended_at, job.moved_at = status, at, at
    told = {
        "job": str(job.id),
        "kind": job.kind,
        "status": status,
        "done": job.done,
        "changed": job.changed,
        "refused": job.refused,
    }
    emit(session, [Event("job.ended", f"job {job.id}", told, job.program_id)], at)
