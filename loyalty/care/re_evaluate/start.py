"""Start: over which purchases a run goes, why, and by which rule. The run itself is a worker's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.care.re_evaluate.models import ReEvaluationRow
from loyalty.earning.accept import AHEAD
from loyalty.errors import Invalid
from loyalty.ids import uuid7
from loyalty.outbox import handover
from loyalty.programs.queries import Program
from loyalty.promotions.desk import promotion_by_key
from loyalty.promotions.queries import versions_of

GO_ON = "re_evaluations.go_on"  # the task that does a batch, and asks for the next


@dataclass(frozen=True, slots=True)
class Run:
    """Purchases that occurred in [occurred_from, occurred_until), of a `source` or any.

    With `promotion` (its key) and `version`, that version judges them instead of those that were
    in force then; without, the rules as they stand. `dry_run` counts, and changes nothing.
    """

    reason: str
    occurred_from: datetime
    occurred_until: datetime
    promotion: str | None = None
    version: int | None = None
    source: str | None = None
    dry_run: bool = False


_BOUNDS = text(
    "SELECT least_id(:first - :ahead - t.clock_offset) AS first, least_id(:after + :late) AS after"
    " FROM tenant t WHERE t.id = :tenant"
)


def start(session: Session, program: Program, run: Run, by: By) -> UUID:
    """Stores the run and wakes a worker. Raises Invalid, NotFound for an unknown promotion."""
    promotion_id = None
    if run.occurred_from >= run.occurred_until:
        raise Invalid.field("/until", "before_from", "It must be later than `from`.")
    if (run.promotion is None) != (run.version is None):
        raise Invalid.field("/version", "one_of_two", "A promotion comes with its version.")
    if run.promotion is not None and run.version is not None:
        promotion_id = promotion_by_key(session, program.id, run.promotion).id
        if (promotion_id, run.version) not in versions_of(session, [promotion_id]):
            raise Invalid.field(
                "/version", "unknown_version", f"{run.promotion} has no version {run.version}."
            )
    first, last = _ids(session, program, run, by.at)
    made = uuid7()
    values: dict[str, Any] = {
        "program_id": program.id,
        "reason": run.reason,
        "promotion_id": promotion_id,
        "version": run.version,
        "source": run.source,
        "occurred_from": run.occurred_from,
        "occurred_until": run.occurred_until,
        "dry_run": run.dry_run,
    }
    session.execute(
        insert(ReEvaluationRow).values(
            tenant_id=session.info["tenant_id"],
            id=made,
            status="running",
            at_id=first,
            last_id=last,
            actor=by.actor,
            request_id=by.request_id,
            started_at=by.at,
            moved_at=by.at,
            **values,
        )
    )
    _record(session, program, run, made, by)
    handover.note(session, [made], GO_ON)
    return made


def _ids(session: Session, program: Program, run: Run, at: datetime) -> tuple[UUID, UUID]:
    """Between which ids the purchases stand: ids follow the world's clock, as they were recorded.

    Purchases that come after the start are judged by the rules of now anyhow.
    """
    values = {
        "tenant": session.info["tenant_id"],
        "first": run.occurred_from,
        "after": min(run.occurred_until, at),
        "ahead": AHEAD,
        "late": timedelta(days=program.settings.late_window_days + 1),
    }
    row = session.execute(_BOUNDS, values).one()
    return row.first, row.after


def _record(session: Session, program: Program, run: Run, made: UUID, by: By) -> None:
    record(
        session,
        by,
        act="re_evaluation.start",
        subject=f"program {program.slug}",
        after={
            "re_evaluation": str(made),
            "from": run.occurred_from.isoformat(),
            "until": run.occurred_until.isoformat(),
            "promotion": run.promotion,
            "version": run.version,
            "source": run.source,
            "dry_run": run.dry_run,
        },
        reason=run.reason,
    )
