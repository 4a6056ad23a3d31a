"""The tables of the promotions: versions are never changed once published, only ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Identity, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class PromotionRow(Base):
    """An earning rule of a program; `standing` is the one made of its earn rate."""

    __tablename__ = "promotion"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    program_id: Mapped[int]
    key: Mapped[str]
    name: Mapped[str]
    standing: Mapped[bool]
    revision: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "program_id"], ["program.tenant_id", "program.id"]),
    )


class PromotionVersionRow(Base):
    """What a promotion says from `starts_at` until `ends_at`; ±infinity is open."""

    __tablename__ = "promotion_version"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    promotion_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    status: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(_instant, server_default=text("'-infinity'"))
    ends_at: Mapped[datetime] = mapped_column(_instant, server_default=text("'infinity'"))
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    fixtures: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    published_at: Mapped[datetime | None] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "promotion_id"], ["promotion.tenant_id", "promotion.id"]
        ),
    )


class PromotionUseRow(Base):
    """How much of a promotion with limits a member used in a period; the account's lock guards it.

    `period`: 2026-07-14, 2026-W29, 2026-07, 2026, ever; in the program's time zone.
    """

    __tablename__ = "promotion_use"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    promotion_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    uses: Mapped[int]


class PromotionBudgetRow(Base):
    """How much of a promotion everyone together used in a period; locked last of all rows."""

    __tablename__ = "promotion_budget"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    promotion_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    uses: Mapped[int]
