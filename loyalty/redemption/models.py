"""The table of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base


class RedemptionRow(Base):
    """Points that were spent; `entry_version` names the entry that took them."""

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
