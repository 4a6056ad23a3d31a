"""Stop: a run ends where it is; what it has corrected stays corrected."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict


class NotRunning(Conflict):
    """409: the run has ended."""

    code = "not_running"
    title = "The re-evaluation has ended"
    cure = "Read it: it is done, stopped or failed."


_STOP = text(
    "UPDATE re_evaluation SET status = 'stopped', ended_at = :at"
    " WHERE tenant_id = :tenant AND id = :id AND status = 'running' RETURNING looked"
)


def stop(session: Session, run_id: UUID, by: By) -> None:
    """Waits for the batch that is at work, then ends the run. Raises NotRunning."""
    values = {"tenant": session.info["tenant_id"], "id": run_id, "at": by.at}
    row = session.execute(_STOP, values).one_or_none()
    if row is None:
        raise NotRunning(f"The re-evaluation {run_id} is not running.")
    record(
        session,
        by,
        act="re_evaluation.stop",
        subject=f"re-evaluation {run_id}",
        after={"looked": row.looked},
    )
