"""Writing down who did what, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.models import AuditRecord
from loyalty.ids import uuid7


def record(
    session: Session,
    by: By,
    *,
    act: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    record_id: UUID | None = None,
) -> None:
    """Adds one record. `act` is noun and verb (`program.pause`), `subject` what it was done to
    (`program wine`).

    `before` and `after` are what JSON can hold, and hold no secrets. `record_id` is given where
    entries of the ledger name the act as their cause.
    """
    session.execute(
        insert(AuditRecord).values(
            tenant_id=session.info["tenant_id"],
            id=record_id or uuid7(),
            actor=by.actor,
            act=act,
            subject=subject,
            before=before,
            after=after,
            reason=reason,
            request_id=by.request_id,
            at=by.at,
        )
    )
