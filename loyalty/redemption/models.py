"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, Numeric, SmallInteger
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base


class RedemptionRow(Base):
    """Points that were spent or set aside; `entry_version` names the entry that took them.

    `released` of them came back from a hold, `cancelled` of those that were spent.
    """

    __tablename__ = "redemption"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    account_id: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(19, 4))
    currency: Mapped[str | None]
    entry_version: Mapped[int] = mapped_column(BigInteger)
    hold_expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    actor: Mapped[str]
    request_id: Mapped[str | None]
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reward_id: Mapped[UUID | None]
    money: Mapped[Decimal | None] = mapped_column(Numeric(19, 4))
    took_stock: Mapped[bool] = mapped_column(server_default=sql("false"))
    fulfilment: Mapped[str | None]
    tracking: Mapped[str | None]
    released: Mapped[int] = mapped_column(BigInteger, server_default=sql("0"))
    cancelled: Mapped[int] = mapped_column(BigInteger, server_default=sql("0"))


class StepRow(Base):
    """What became of a redemption after it was made; append-only.

    `points` and `entry_version` are of the entry that it made: none when it moved no points.
    """

    __tablename__ = "redemption_step"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    redemption_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[str]
    points: Mapped[int | None] = mapped_column(BigInteger)
    entry_version: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    actor: Mapped[str]
    request_id: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
