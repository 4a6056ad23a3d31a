"""Reads of who did what."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.audit.models import AuditRecord


def records(session: Session, before: UUID | None, limit: int) -> Sequence[AuditRecord]:
    """The tenant's records, newest first, from before the id `before`."""
    query = select(AuditRecord).order_by(AuditRecord.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditRecord.id < before)
    return session.scalars(query).all()
