"""The table of this room; the migration is the truth, and Postgres refuses changes to its rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base


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
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
