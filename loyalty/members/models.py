"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Text,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class MemberRow(Base):
    """A person as the tenant knows them; `member_id` is the tenant's own opaque id.

    Who was merged is another name of the survivor, `merged_into`, who is never merged themselves.
    """

    __tablename__ = "member"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    member_id: Mapped[str]
    name: Mapped[str | None]
    birthday: Mapped[date | None]
    time_zone: Mapped[str | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sql("'{}'"))
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)
    merged_into: Mapped[int | None] = mapped_column(BigInteger)
    erased_at: Mapped[datetime | None] = mapped_column(_instant)
    name_folded: Mapped[str | None] = mapped_column(Computed("folded(name)", persisted=True))
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "merged_into"], ["member.tenant_id", "member.id"]),
    )


class WordRow(Base):
    """A word of a name, or `=key=value` of an attribute: what members are searched by.

    Triggers write it, and only search reads it.
    """

    __tablename__ = "member_word"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    word: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class IdentifierRow(Base):
    """A card, a phone number, an address: unique within the tenant."""

    __tablename__ = "identifier"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
    )


class MembershipRow(Base):
    """Member × program: status, tier, and the account that it refers to."""

    __tablename__ = "membership"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    program_id: Mapped[int]
    member_id: Mapped[int] = mapped_column(BigInteger)
    account_id: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    tier_key: Mapped[str]
    tier_since: Mapped[datetime] = mapped_column(_instant)
    tier_until: Mapped[datetime | None] = mapped_column(_instant)
    tier_protected_until: Mapped[datetime | None] = mapped_column(_instant)
    tier_review_at: Mapped[datetime | None] = mapped_column(_instant)
    tier_epoch: Mapped[int] = mapped_column(Integer, server_default=sql("0"))
    joined_at: Mapped[datetime] = mapped_column(_instant)
    left_at: Mapped[datetime | None] = mapped_column(_instant)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
    )
