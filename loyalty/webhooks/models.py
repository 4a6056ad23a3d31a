"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base
from loyalty.tenants.models import Tenant  # a courier loads no other room that does

_instant = DateTime(timezone=True)
_Place = Text(collation="C")


class WebhookRow(Base):
    """Where a tenant is told of its events; `cursor` is how far the feed was laid out.

    It has a `rests_until` until it was quick for the first time, and again after a round in which
    it was not, or failed: of such a few are served at a time.
    """

    __tablename__ = "webhook"
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    description: Mapped[str]
    types: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    program_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    status: Mapped[str]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_until: Mapped[datetime | None] = mapped_column(_instant)
    cursor: Mapped[str] = mapped_column(_Place)
    failing_since: Mapped[datetime | None] = mapped_column(_instant)
    failed_rounds: Mapped[int] = mapped_column(Integer, server_default=sql("0"))
    rests_until: Mapped[datetime | None] = mapped_column(_instant)
    held_by: Mapped[UUID | None]
    held_until: Mapped[datetime | None] = mapped_column(_instant)
    disabled_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)

    def rest_no_more(self, at: datetime) -> None:
        """It may be tried at once. One that failed or was slow is still known for it."""
        if self.rests_until is not None:
            self.rests_until = min(self.rests_until, at)


class DeliveryRow(Base):
    """One event for one webhook: pending, delivered or dead."""

    __tablename__ = "webhook_delivery"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    webhook_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    type: Mapped[str]
    subject: Mapped[str]
    cursor: Mapped[str] = mapped_column(_Place)
    body: Mapped[str]
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=sql("0"))
    due_at: Mapped[datetime] = mapped_column(_instant)
    tried_at: Mapped[datetime | None] = mapped_column(_instant)
    answered: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None]
    took_ms: Mapped[int | None]
    laid_out_at: Mapped[datetime] = mapped_column(_instant)
    __table_args__ = (
        UniqueConstraint("tenant_id", "webhook_id", "event_id"),
        ForeignKeyConstraint(
            ["tenant_id", "webhook_id"], ["webhook.tenant_id", "webhook.id"], ondelete="CASCADE"
        ),
    )
