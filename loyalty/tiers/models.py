"""The table of this room; the migration is the truth."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, Date, Integer, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base


class TierProgressRow(Base):
    """What counted for a tier on one day; kept where the program's policy asks for days."""

    __tablename__ = "tier_progress"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    spend: Mapped[Decimal] = mapped_column(Numeric(19, 4))
