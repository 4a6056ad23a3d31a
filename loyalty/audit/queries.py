"""Reads of who did what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.audit.models import AuditRecord


@dataclass(frozen=True, slots=True)
class Sought:
    """What is sought: each that is given must hold."""

    actor: str | None = None
    act: str | None = None
    subject: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Sought()


def records(
    session: Session, before: UUID | None, limit: int, sought: Sought = EVERYTHING
) -> Sequence[AuditRecord]:
    """The tenant's records, newest first, from before the id `before`."""
    query = select(AuditRecord).order_by(AuditRecord.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditRecord.id < before)
    for name in ("actor", "act", "subject", "request_id"):
        if (wanted := getattr(sought, name)) is not None:
            query = query.where(getattr(AuditRecord, name) == wanted)
    if sought.since is not None:
        query = query.where(AuditRecord.at >= sought.since)
    if sought.until is not None:
        query = query.where(AuditRecord.at < sought.until)
    return session.scalars(query).all()
