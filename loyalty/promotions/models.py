"""The tables of the promotions: versions are never changed once published, only ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKeyConstraint, Identity, Integer, text
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
    published_at: Mapped[datetime | None] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "promotion_id"], ["promotion.tenant_id", "promotion.id"]
        ),
    )
