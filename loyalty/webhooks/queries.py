"""Reads of webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.webhooks.models import DeliveryRow, WebhookRow


def webhook_by_id(session: Session, webhook_id: UUID, *, lock: bool = False) -> WebhookRow:
    """The webhook as it is now; with `lock`, nobody else can change it. Raises NotFound."""
    query = select(WebhookRow).where(
        WebhookRow.tenant_id == session.info["tenant_id"], WebhookRow.id == webhook_id
    )
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return found


def webhooks(session: Session, before: UUID | None, limit: int) -> Sequence[WebhookRow]:
    """The tenant's webhooks, newest first, from before the id `before`."""
    query = (
        select(WebhookRow)
        .where(WebhookRow.tenant_id == session.info["tenant_id"])
        .order_by(WebhookRow.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(WebhookRow.id < before)
    return session.scalars(query).all()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries wait for their turn, and how many are given up."""

    waiting: int = 0
    dead: int = 0


def counts(session: Session, webhook_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """What waits and what is dead, of each of these webhooks."""
    rows = session.execute(
        select(
            DeliveryRow.webhook_id,
            func.count().filter(DeliveryRow.status == "pending"),
            func.count().filter(DeliveryRow.status == "dead"),
        )
        .where(
            DeliveryRow.tenant_id == session.info["tenant_id"],
            DeliveryRow.webhook_id.in_(webhook_ids),
            DeliveryRow.status.in_(("pending", "dead")),
        )
        .group_by(DeliveryRow.webhook_id)
    )
    found = {webhook_id: Counts(waiting, dead) for webhook_id, waiting, dead in rows}
    return {one: found.get(one, Counts()) for one in webhook_ids}


def deliveries(
    session: Session, webhook_id: UUID, *, status: str | None, before: UUID | None, limit: int
) -> Sequence[DeliveryRow]:
    """A webhook's deliveries, the latest laid out first, from before the id `before`."""
    query = (
        select(DeliveryRow)
        .where(
            DeliveryRow.tenant_id == session.info["tenant_id"],
            DeliveryRow.webhook_id == webhook_id,
        )
        .order_by(DeliveryRow.id.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(DeliveryRow.status == status)
    if before is not None:
        query = query.where(DeliveryRow.id < before)
    return session.scalars(query).all()


def delivery_by_id(
    session: Session, webhook_id: UUID, delivery_id: UUID, *, lock: bool = False
) -> DeliveryRow:
    """One delivery. Raises NotFound."""
    query = select(DeliveryRow).where(
        DeliveryRow.tenant_id == session.info["tenant_id"],
        DeliveryRow.webhook_id == webhook_id,
        DeliveryRow.id == delivery_id,
    )
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return found


# The first 16 digits of a cursor are the number that was drawn; all that has it was looked at
# when the others say so. Of each source the last, or first due, row says enough: one look into an
# index.
# Who has a `rests_until` failed or was slow the last time, or was never tried: of these a few are
# served at a time.
_TO_DO = text(
    """
    WITH due AS (
      SELECT w.tenant_id, w.id, w.cursor, w.rests_until IS NOT NULL AS slow,
             row_number() OVER (PARTITION BY w.rests_until IS NOT NULL
                                ORDER BY w.rests_until, w.cursor, w.id) AS n
      FROM webhook w
      CROSS JOIN LATERAL (
        SELECT CAST(CAST('x' || left(w.cursor, 16) AS bit(64)) AS bigint)
               + CAST(right(w.cursor, 32) = '7fffffffffffffff7fffffffffffffff' AS integer) AS drawn
      ) upto
      WHERE w.status = 'active' AND (w.held_until IS NULL OR w.held_until <= :at)
        AND (w.rests_until IS NULL OR w.rests_until <= :at)
        AND ((SELECT d.due_at FROM webhook_delivery d WHERE d.tenant_id = w.tenant_id
                AND d.webhook_id = w.id AND d.status = 'pending' ORDER BY d.due_at LIMIT 1) <= :at
          OR (SELECT e.place FROM entry e WHERE e.tenant_id = w.tenant_id
              ORDER BY e.place DESC LIMIT 1) >= upto.drawn
          OR (SELECT v.place FROM event v WHERE v.tenant_id = w.tenant_id
              ORDER BY v.place DESC LIMIT 1) >= upto.drawn)
    )
    SELECT due.tenant_id, due.id FROM due
    WHERE NOT due.slow OR due.n <= :most_slow - (
      SELECT count(*) FROM webhook h WHERE h.held_until > :at AND h.rests_until IS NOT NULL)
    ORDER BY due.slow, due.cursor, due.id LIMIT :most
    """
)


def with_work(
    session: Session, at: datetime, *, most: int, most_slow: int
) -> list[tuple[int, UUID]]:
    """(tenant, webhook) of those for which something is to be done and nobody is doing it: who is
    furthest behind first, and of the slow and failing ones so few that `most_slow` are at work.

    The session sees every tenant.
    """
    rows = session.execute(_TO_DO, {"at": at, "most": most, "most_slow": most_slow})
    return [(row.tenant_id, row.id) for row in rows]
