"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Numeric,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)
_money = Numeric(19, 4)


class RewardRow(Base):
    """What points buy. One that has ended stays, for those who redeemed it."""

    __tablename__ = "reward"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    key: Mapped[str]
    kind: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)
    money: Mapped[Decimal | None] = mapped_column(_money)
    worth: Mapped[Decimal | None] = mapped_column(_money)
    texts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    images: Mapped[list[str]] = mapped_column(JSONB)
    eligible: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    limits: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    vouchers: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    starts_at: Mapped[datetime | None] = mapped_column(_instant)
    ends_at: Mapped[datetime | None] = mapped_column(_instant)
    low_at: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)
    ended_at: Mapped[datetime | None] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "program_id"], ["program.tenant_id", "program.id"]),
    )


class StockRow(Base):
    """How many there are of a reward that is limited: `total`, of which `remaining` are left."""

    __tablename__ = "reward_stock"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    reward_id: Mapped[UUID] = mapped_column(primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "reward_id"], ["reward.tenant_id", "reward.id"]),
    )


class VoucherRow(Base):
    """A code: free, held with a redemption, given to its member, or void for ever."""

    __tablename__ = "voucher"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    reward_id: Mapped[UUID]
    code: Mapped[str]
    status: Mapped[str]
    redemption_id: Mapped[UUID | None]
    added_at: Mapped[datetime] = mapped_column(_instant)
    given_at: Mapped[datetime | None] = mapped_column(_instant)
    expires_at: Mapped[datetime | None] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "reward_id"], ["reward.tenant_id", "reward.id"]),
    )
