"""The tables of returns: what came in, what is open, what became of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, Numeric, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class GiveBackRow(Base):
    """A return as received; insert-only."""

    __tablename__ = "give_back"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str]
    transaction_id: Mapped[str]
    return_id: Mapped[str]
    lines: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    amount: Mapped[Decimal | None] = mapped_column(Numeric(19, 4))
    occurred_at: Mapped[datetime] = mapped_column(_instant)
    recorded_at: Mapped[datetime] = mapped_column(_instant)
    input_hash: Mapped[bytes]
    actor: Mapped[str]
    request_id: Mapped[str | None]


class UnsettledGiveBackRow(Base):
    """A return that is accepted and not yet settled; `waiting` for its purchase to be judged."""

    __tablename__ = "unsettled_give_back"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    give_back_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    accepted_at: Mapped[datetime] = mapped_column(_instant)
    sent_at: Mapped[datetime | None] = mapped_column(_instant)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))


class GiveBackVerdictRow(Base):
    """What a return took back, or why it was refused; append-only."""

    __tablename__ = "give_back_verdict"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    give_back_id: Mapped[UUID] = mapped_column(primary_key=True)
    activity_id: Mapped[UUID | None]
    status: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    account_version: Mapped[int | None] = mapped_column(BigInteger)
    entries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    points: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    taken: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    worth: Mapped[Decimal] = mapped_column(Numeric(19, 4), server_default=text("0"))
    whole: Mapped[bool] = mapped_column(server_default=text("false"))
    settled_at: Mapped[datetime] = mapped_column(_instant)
    explanation: Mapped[dict[str, Any]] = mapped_column(JSONB)
