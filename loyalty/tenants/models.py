"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Interval,
    LargeBinary,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_Instant = DateTime(timezone=True)


class Tenant(Base):
    """A company that uses the service; the wall nobody sees across.

    A `sandbox` lives by a clock of its own, `clock_offset` ahead of the world's.
    """

    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_Instant)
    sandbox: Mapped[bool] = mapped_column(server_default=sql("false"))
    clock_offset: Mapped[timedelta] = mapped_column(Interval, server_default=sql("'0'"))


class Issuer(Base):
    """Who signs a tenant's JWTs. For HS256 `verification_key` is the secret itself."""

    __tablename__ = "issuer"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"))
    iss: Mapped[str] = mapped_column(Text, primary_key=True)
    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    algorithm: Mapped[str] = mapped_column(Text)
    verification_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_Instant)


class ApiKey(Base):
    """A server's key; only the hash of its secret is kept."""

    __tablename__ = "api_key"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    prefix: Mapped[str] = mapped_column(Text, unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    sources: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None] = mapped_column(_Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(_Instant)
    created_at: Mapped[datetime] = mapped_column(_Instant)
