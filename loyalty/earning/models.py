"""The tables of earning: what came in, what is open, what became of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, Integer, Numeric, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class ActivityRow(Base):
    """What the outside told us, as received; insert-only."""

    __tablename__ = "activity"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    source: Mapped[str]
    transaction_id: Mapped[str]
    member_id: Mapped[str | None]
    identifier_kind: Mapped[str | None]
    identifier_value: Mapped[str | None]
    amount: Mapped[Decimal | None] = mapped_column(Numeric(19, 4))
    currency: Mapped[str | None]
    retailer: Mapped[str | None]
    occurred_at: Mapped[datetime] = mapped_column(_instant)
    recorded_at: Mapped[datetime] = mapped_column(_instant)
    input_hash: Mapped[bytes]
    request_id: Mapped[str | None]
    body: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class UnsettledRow(Base):
    """Accepted and not yet judged."""

    __tablename__ = "unsettled"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    activity_id: Mapped[UUID] = mapped_column(primary_key=True)
    accepted_at: Mapped[datetime] = mapped_column(_instant)
    sent_at: Mapped[datetime | None] = mapped_column(_instant)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    claims: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))


class AwardRow(Base):
    """What the rules made of an activity; append-only."""

    __tablename__ = "award"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    activity_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    account_version: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int] = mapped_column(SmallInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    awarded_at: Mapped[datetime] = mapped_column(_instant)
    explanation: Mapped[dict[str, Any]] = mapped_column(JSON)


class SetbackRow(Base):
    """Not awarded: parked, rejected or failed, and why."""

    __tablename__ = "setback"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    activity_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str]
    member_id: Mapped[str | None]
    identifier_kind: Mapped[str | None]
    identifier_value: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(_instant)
    until: Mapped[datetime | None] = mapped_column(_instant)
