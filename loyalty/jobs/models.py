"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Integer, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)
_NONE_YET = text("0")


class JobRow(Base):
    """A piece of long work; `cursor` is how far it is, None at the start."""

    __tablename__ = "job"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    program_id: Mapped[int | None]
    status: Mapped[str]
    input: Mapped[dict[str, Any]] = mapped_column(JSONB)
    cursor: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    total: Mapped[int | None] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger, server_default=_NONE_YET)
    changed: Mapped[int] = mapped_column(BigInteger, server_default=_NONE_YET)
    refused: Mapped[int] = mapped_column(BigInteger, server_default=_NONE_YET)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=_NONE_YET)
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    actor: Mapped[str]
    request_id: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(_instant)
    moved_at: Mapped[datetime] = mapped_column(_instant)
    ended_at: Mapped[datetime | None] = mapped_column(_instant)


class RefusalRow(Base):
    """A row of a job that could not be done, and why; `place` is its number within the job."""

    __tablename__ = "job_refusal"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    subject: Mapped[str]
    code: Mapped[str]
    detail: Mapped[str]
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),)
