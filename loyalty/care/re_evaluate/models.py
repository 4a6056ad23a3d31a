"""The tables of re-evaluations and of what they corrected."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class ReEvaluationRow(Base):
    """A run over the purchases of a time; `at_id` is how far it is."""

    __tablename__ = "re_evaluation"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str]
    promotion_id: Mapped[int | None]
    version: Mapped[int | None]
    source: Mapped[str | None]
    occurred_from: Mapped[datetime] = mapped_column(_instant)
    occurred_until: Mapped[datetime] = mapped_column(_instant)
    dry_run: Mapped[bool]
    status: Mapped[str]
    detail: Mapped[str | None]
    at_id: Mapped[UUID]
    last_id: Mapped[UUID]
    looked: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    corrected: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    skipped: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    given: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    taken: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    actor: Mapped[str]
    request_id: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(_instant)
    moved_at: Mapped[datetime] = mapped_column(_instant)
    ended_at: Mapped[datetime | None] = mapped_column(_instant)


class CorrectionRow(Base):
    """What a purchase is worth since it was worked out again; append-only."""

    __tablename__ = "correction"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    re_evaluation_id: Mapped[UUID]
    program_id: Mapped[int]
    activity_id: Mapped[UUID]
    account_id: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    difference: Mapped[int] = mapped_column(BigInteger)
    moved: Mapped[int] = mapped_column(BigInteger)
    account_version: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int] = mapped_column(SmallInteger)
    corrected_at: Mapped[datetime] = mapped_column(_instant)
    explanation: Mapped[dict[str, Any]] = mapped_column(JSONB)
