"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class ProgramRow(Base):
    """One loyalty program of a tenant.

    `tier_epoch` is the version since which tiers are gained and lost as they are; members up to
    `tier_recounted_to` follow it, or all when it is None.
    """

    __tablename__ = "program"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    unit: Mapped[str]
    currency: Mapped[str]
    time_zone: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    paused_at: Mapped[datetime | None] = mapped_column(_instant)
    paused_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)
    tier_epoch: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    tier_recounted_to: Mapped[int | None] = mapped_column(BigInteger)


class TierRow(Base):
    """A status level of a program, reached from `threshold` tier-qualifying points on."""

    __tablename__ = "tier"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    threshold: Mapped[int] = mapped_column(BigInteger)
