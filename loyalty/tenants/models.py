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
    SmallInteger,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_Instant = DateTime(timezone=True)


class Tenant(Base):
    """A company that uses the service; the wall nobody sees across.

    A `sandbox` lives by a clock of its own, `clock_offset` ahead of the world's. Nobody of a
    suspended one gets in.
    """

    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_Instant)
    sandbox: Mapped[bool] = mapped_column(server_default=sql("false"))
    clock_offset: Mapped[timedelta] = mapped_column(Interval, server_default=sql("'0'"))
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    suspended_at: Mapped[datetime | None] = mapped_column(_Instant)
    suspended_reason: Mapped[str | None] = mapped_column(Text)


class Issuer(Base):
    """What a tenant's JWTs are signed with: a secret of its own (HS256, `verification_key` is the
    secret itself), or a public key of a key set. Ended at `expires_at`."""

    __tablename__ = "issuer"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"))
    iss: Mapped[str] = mapped_column(Text, primary_key=True)
    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    algorithm: Mapped[str] = mapped_column(Text)
    verification_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_Instant)
    key_set_id: Mapped[UUID | None] = mapped_column(Uuid)
    expires_at: Mapped[datetime | None] = mapped_column(_Instant)


class KeySet(Base):
    """An identity provider whose tokens the tenant believes; its keys are rows of `Issuer`.

    With a `url` they are read again and again; else they were given.
    """

    __tablename__ = "key_set"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    iss: Mapped[str] = mapped_column(Text)
    audience: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    role_claim: Mapped[str] = mapped_column(Text)
    subject_claim: Mapped[str] = mapped_column(Text)
    leeway_s: Mapped[int] = mapped_column(SmallInteger)
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    created_at: Mapped[datetime] = mapped_column(_Instant)
    fetched_at: Mapped[datetime | None] = mapped_column(_Instant)
    tried_at: Mapped[datetime | None] = mapped_column(_Instant)
    trouble: Mapped[str | None] = mapped_column(Text)


class Operator(Base):
    """A person of the tenant, who logs in by a password.

    Tokens of another `generation` are void.
    """

    __tablename__ = "operator"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    disabled_at: Mapped[datetime | None] = mapped_column(_Instant)
    last_log_in_at: Mapped[datetime | None] = mapped_column(_Instant)
    created_at: Mapped[datetime] = mapped_column(_Instant)


class ApiKey(Base):
    """A server's key; only the hash of its secret is kept. `last_used_at` is to the minute."""

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
    replaced_by: Mapped[UUID | None] = mapped_column(Uuid)
    last_used_at: Mapped[datetime | None] = mapped_column(_Instant)
    created_at: Mapped[datetime] = mapped_column(_Instant)
