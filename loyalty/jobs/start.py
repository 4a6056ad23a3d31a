"""A job is started: stored with what was asked for, and a worker is woken after the commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.ids import uuid7
from loyalty.jobs.models import JobRow
from loyalty.outbox import handover
from loyalty.programs.queries import Program

ADVANCE = "jobs.advance"  # the task that does batches


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done. `kind` stands in loyalty.jobs.kinds; `input` is what JSON can hold and
    holds no secrets; without `program` it is for the whole tenant."""

    kind: str
    input: Mapping[str, Any]
    program: Program | None = None
    reason: str | None = None
    total: int | None = None


def start(session: Session, order: Order, by: By) -> UUID:
    """Queues the job and writes down who asked for it: the one entry in the audit log."""
    made = uuid7()
    session.execute(
        insert(JobRow).values(
            tenant_id=session.info["tenant_id"],
            id=made,
            kind=order.kind,
            program_id=order.program and order.program.id,
            status="queued",
            input=order.input,
            total=order.total,
            reason=order.reason,
            actor=by.actor,
            request_id=by.request_id,
            started_at=by.at,
            moved_at=by.at,
        )
    )
    record(
        session,
        by,
        act=f"{order.kind}.start",
        subject=f"program {order.program.slug}" if order.program else "tenant",
        after={order.kind: str(made), **order.input},
        reason=order.reason,
        record_id=made,
    )
    handover.note(session, [made], ADVANCE)
    return made
