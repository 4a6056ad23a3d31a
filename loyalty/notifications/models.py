"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    SmallInteger,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class NotificationRow(Base):
    """One mail about one cause. Once it has ended, Postgres lets nobody begin it again."""

    __tablename__ = "notification"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    membership_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    cause: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[str]
    reason: Mapped[str | None]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=sql("0"))
    try_at: Mapped[datetime | None] = mapped_column(_instant)
    created_at: Mapped[datetime] = mapped_column(_instant)
    ended_at: Mapped[datetime | None] = mapped_column(_instant)


class TemplateRow(Base):
    """A tenant's own words for one kind of mail in one language."""

    __tablename__ = "mail_template"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    changed_at: Mapped[datetime] = mapped_column(_instant)


class ReaderRow(Base):
    """How far what happened was read, and what will expire was looked at."""

    __tablename__ = "mail_reader"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    after: Mapped[str]
    read_at: Mapped[datetime] = mapped_column(_instant)
    round_began_at: Mapped[datetime | None] = mapped_column(_instant)
    after_due: Mapped[datetime | None] = mapped_column(_instant)
    after_account: Mapped[int | None] = mapped_column(BigInteger)
    after_lot: Mapped[int | None] = mapped_column(BigInteger)


class RefusalRow(Base):
    """Somebody who wants no mail of a program any more."""

    __tablename__ = "mail_refusal"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    membership_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    since: Mapped[datetime] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["membership.tenant_id", "membership.id"]
        ),
    )


class KeyRow(Base):
    """What signs a tenant's links to unsubscribe."""

    __tablename__ = "mail_key"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(_instant)
