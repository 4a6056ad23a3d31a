"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Identity, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class SegmentRow(Base):
    """A group of members of a program; without a `condition` it is an uploaded list."""

    __tablename__ = "segment"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int]
    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    key: Mapped[str]
    name: Mapped[str]
    condition: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    size: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime] = mapped_column(_instant)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "program_id"], ["program.tenant_id", "program.id"]),
    )


class SegmentMemberRow(Base):
    """A membership on an uploaded list."""

    __tablename__ = "segment_member"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    segment_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    membership_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "segment_id"],
            ["segment.tenant_id", "segment.id"],
            ondelete="CASCADE",
        ),
    )
