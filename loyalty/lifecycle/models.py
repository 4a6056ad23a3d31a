"""The table of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Integer
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base


class ExpiryWarningRow(Base):
    """Somebody was told that points of an account expire then."""

    __tablename__ = "expiry_warning"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
