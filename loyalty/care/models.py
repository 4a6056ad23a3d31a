"""The tables of this room; the migration is the truth, and Postgres refuses changes to facts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class AdjustmentRow(Base):
    """Points given (above zero) or taken by a person, with their reason."""

    __tablename__ = "adjustment"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    account_id: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    entry_version: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    request_id: Mapped[str | None]
    occurred_at: Mapped[datetime] = mapped_column(_instant)


class AdjustmentRequestRow(Base):
    """An adjustment that waits for a second person; `id` is that of the adjustment it becomes."""

    __tablename__ = "adjustment_request"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    member_id: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    status: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(_instant)
    expires_at: Mapped[datetime] = mapped_column(_instant)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(_instant)
    decision_reason: Mapped[str | None]
    request_id: Mapped[str | None]


class OpeningBalanceRow(Base):
    """Points that a member brought along from another system, as one lot; append-only."""

    __tablename__ = "opening_balance"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str]
    account_id: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    tier_points: Mapped[int] = mapped_column(BigInteger)
    input_hash: Mapped[bytes]
    actor: Mapped[str]
    request_id: Mapped[str | None]
    occurred_at: Mapped[datetime] = mapped_column(_instant)
    recorded_at: Mapped[datetime] = mapped_column(_instant)


class TransferRow(Base):
    """Points that one member gave to another; append-only."""

    __tablename__ = "transfer"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    from_account: Mapped[int] = mapped_column(BigInteger)
    to_account: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    actor: Mapped[str]
    request_id: Mapped[str | None]
    occurred_at: Mapped[datetime] = mapped_column(_instant)


class MergeRow(Base):
    """Two members became one. `before` and `after` are how both stood, row by row."""

    __tablename__ = "member_merge"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    from_member: Mapped[int] = mapped_column(BigInteger)
    into_member: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    actor: Mapped[str]
    request_id: Mapped[str | None]
    merged_at: Mapped[datetime] = mapped_column(_instant)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    undone_at: Mapped[datetime | None] = mapped_column(_instant)
    undone_by: Mapped[str | None]
    undo_reason: Mapped[str | None]
