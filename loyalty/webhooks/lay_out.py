"""From the feed to deliveries: what a webhook wants is laid out once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.events.cloudevent import cloudevent
from loyalty.events.feed import MOST_READ, Place, Told, Wanted, read
from loyalty.events.happenings import WebhookTest
from loyalty.ids import uuid7
from loyalty.webhooks.models import WebhookRow

#: Deliveries that wait: beyond that the feed itself keeps what comes, and nothing is lost.
MOST_WAITING = 10_000
_MOST_PAGES = 5  # of the feed, at a time

_WAITING = text(
    "SELECT count(*) FROM (SELECT FROM webhook_delivery WHERE tenant_id = :tenant"
    " AND webhook_id = :webhook AND status = 'pending' LIMIT :most) waiting"
)
# What is replayed has been laid out before: it is due again. What stands behind one that waits is
# due when that one is.
_ADD = text(
    """
    INSERT INTO webhook_delivery AS d
      (tenant_id, webhook_id, id, event_id, type, subject, cursor, body, status, due_at,
       laid_out_at)
    SELECT :tenant, :webhook, r.id, r.event_id, r.type, r.subject, r.cursor, r.body, 'pending',
           greatest(:at, (SELECT max(e.due_at) FROM webhook_delivery e
                          WHERE e.tenant_id = :tenant AND e.webhook_id = :webhook
                            AND e.status = 'pending' AND e.subject = r.subject)), :at
    FROM json_to_recordset(CAST(:events AS json))
      AS r(id uuid, event_id text, type text, subject text, cursor text, body text)
    ON CONFLICT (tenant_id, webhook_id, event_id) DO UPDATE
    SET status = 'pending', attempts = 0, due_at = excluded.due_at, error = NULL
    WHERE d.status <> 'pending'
    """
)
_SLUG = text("SELECT slug FROM tenant WHERE id = :tenant")


def lay_out(session: Session, webhook: WebhookRow, at: datetime) -> None:
    """Lays out what is new in the feed, as long as not too many wait. `webhook` is locked.

    Its cursor moves in the same transaction, so that nothing is left out or laid out twice.
    """
    values = {"tenant": webhook.tenant_id, "webhook": webhook.id, "most": MOST_WAITING}
    waiting = session.scalar(_WAITING, values) or 0
    wanted = Wanted(webhook.types, webhook.program_ids)
    for _ in range(_MOST_PAGES):
        room = MOST_WAITING - waiting
        if room <= 0:
            return
        page = read(session, Place.parse(webhook.cursor), most=min(room, MOST_READ), wanted=wanted)
        add(session, webhook.id, page.events, at)
        webhook.cursor = str(page.upto)
        waiting += len(page.events)
        if not page.more:
            return


def add(session: Session, webhook_id: UUID, events: Sequence[Told], at: datetime) -> list[UUID]:
    """Lays out these events, due now; returns the ids of their deliveries."""
    if not events:
        return []
    tenant_id: int = session.info["tenant_id"]
    slug = str(session.scalar(_SLUG, {"tenant": tenant_id}))
    rows = [
        {
            "id": uuid7(),
            "event_id": one.id,
            "type": one.type,
            "subject": one.subject,
            "cursor": str(one.place),
            "body": orjson.dumps(cloudevent(one, slug)).decode(),
        }
        for one in events
    ]
    told = {"events": orjson.dumps(rows).decode(), "at": at}
    session.execute(_ADD, {"tenant": tenant_id, "webhook": webhook_id, **told})
    return [row["id"] for row in rows if isinstance(row["id"], UUID)]


def add_test(session: Session, webhook_id: UUID, at: datetime) -> UUID:
    """Lays out an event that says nothing but that it arrived; returns its delivery's id."""
    event_id, subject = f"test-{uuid7()}", f"webhook {webhook_id}"
    told = Told(event_id, Place(), subject, None, None, at, WebhookTest(str(webhook_id)))
    [delivery_id] = add(session, webhook_id, [told], at)
    return delivery_id
