"""The table of totals: what sources say they sent."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, DateTime, Integer, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base


class SourceTotalRow(Base):
    """What a source says of one day and currency; what it says last counts."""

    __tablename__ = "source_total"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(Numeric(24, 4))
    actor: Mapped[str]
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
