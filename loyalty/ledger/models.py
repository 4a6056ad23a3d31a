"""The tables of the ledger. Written by loyalty.ledger.post alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Computed, DateTime, Enum, FetchedValue, Identity, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base
from loyalty.ledger.rules import Bucket, Kind

_bucket = Enum(Bucket, name="bucket", create_type=False, values_callable=lambda e: [*e])
_kind = Enum(Kind, name="entry_kind", create_type=False, values_callable=lambda e: [*e])
_instant = DateTime(timezone=True)


class AccountRow(Base):
    """Where a membership's points stand. `version` is that of the last entry."""

    __tablename__ = "account"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    program_id: Mapped[int]
    pending: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    available: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    held: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    owed: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    lifetime: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    tier_points: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class EntryRow(Base):
    """One movement; append-only."""

    __tablename__ = "entry"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[Kind] = mapped_column(_kind)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    from_bucket: Mapped[Bucket] = mapped_column(_bucket)
    to_bucket: Mapped[Bucket] = mapped_column(_bucket)
    points: Mapped[int] = mapped_column(BigInteger)
    pending_after: Mapped[int] = mapped_column(BigInteger)
    available_after: Mapped[int] = mapped_column(BigInteger)
    held_after: Mapped[int] = mapped_column(BigInteger)
    owed_after: Mapped[int] = mapped_column(BigInteger)
    cause_id: Mapped[UUID]
    occurred_at: Mapped[datetime] = mapped_column(_instant)
    recorded_at: Mapped[datetime] = mapped_column(_instant)
    place: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())  # in the feed


class LotRow(Base):
    """Points earned together; `id` is the version of the entry that made it."""

    __tablename__ = "lot"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger)
    activates_at: Mapped[datetime | None] = mapped_column(_instant)
    expires_at: Mapped[datetime | None] = mapped_column(_instant)
    active: Mapped[bool]
    open: Mapped[bool]
    idle_days: Mapped[int | None]
    once_released: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    due_at: Mapped[datetime | None] = mapped_column(
        _instant,
        Computed("CASE WHEN active THEN expires_at ELSE activates_at END", persisted=True),
    )


class LotDrawRow(Base):
    """Which lot paid which entry; append-only."""

    __tablename__ = "lot_draw"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    lot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)


class MovedLotRow(Base):
    """In which lot of the heir stands what stood in a lot of a merged account; append-only."""

    __tablename__ = "moved_lot"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    lot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    into_account: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    into_lot: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class MergedAccountRow(Base):
    """An account that was emptied into another, its heir."""

    __tablename__ = "merged_account"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    merge_id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    from_account: Mapped[int] = mapped_column(BigInteger)
    into_account: Mapped[int] = mapped_column(BigInteger)
    undone: Mapped[bool] = mapped_column(server_default=text("false"))
