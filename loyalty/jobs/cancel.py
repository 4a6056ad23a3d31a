"""A job is cancelled where it is, or goes on after it failed or was cancelled."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict
from loyalty.jobs.start import ADVANCE
from loyalty.outbox import handover


class JobEnded(Conflict):
    """409: the job is done, failed, or was cancelled before."""

    code = "job_ended"
    title = "The job has ended"
    cure = "Read it: it is done, failed or cancelled."


class JobNotStopped(Conflict):
    """409: only what failed or was cancelled can go on."""

    code = "job_not_stopped"
    title = "The job did not stop on its way"
    cure = "Read it: it is still at work, or done."


_CANCEL = text(
    "UPDATE job SET status = 'cancelled', ended_at = :at, moved_at = :at WHERE tenant_id = :tenant"
    " AND id = :id AND status IN ('queued', 'running') RETURNING kind, done"
)
_GO_ON = text(
    "UPDATE job SET status = 'running', ended_at = NULL, detail = NULL, tries = 0, moved_at = :at"
    " WHERE tenant_id = :tenant AND id = :id AND status IN ('failed', 'cancelled')"
    " RETURNING kind, done"
)


def cancel(session: Session, job_id: UUID, by: By) -> None:
    """Waits for the batch that is at work, then ends the job; what is done stays.

    Raises JobEnded.
    """
    if not _turn(session, _CANCEL, "cancel", job_id, by):
        raise JobEnded(f"The job {job_id} has ended.")


def go_on(session: Session, job_id: UUID, by: By) -> None:
    """Goes on after the last row that was done. Raises JobNotStopped."""
    if not _turn(session, _GO_ON, "go_on", job_id, by):
        raise JobNotStopped(f"The job {job_id} did not stop on its way.")
    handover.note(session, [job_id], ADVANCE)


def _turn(session: Session, statement: object, act: str, job_id: UUID, by: By) -> bool:
    values = {"tenant": session.info["tenant_id"], "id": job_id, "at": by.at}
    row = session.execute(statement, values).one_or_none()  # type: ignore[call-overload]
    if row is None:
        return False
    record(
        session,
        by,
        act=f"{row.kind}.{act}",
        subject=f"job {job_id}",
        after={"done": row.done},
    )
    return True
