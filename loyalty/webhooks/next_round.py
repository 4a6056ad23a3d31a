"""What is to be sent to a webhook now, taken in hand: one worker at a time, and never for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from loyalty.webhooks.lay_out import lay_out
from loyalty.webhooks.models import WebhookRow
from loyalty.webhooks.save import keys_of

MOST_A_ROUND = 100
MOST_WHILE_FAILING = 4  # to see whether it is back
#: Who holds a webhook longer than this was killed: a round ends much sooner.
HELD_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message: what is sent, and the how manieth try it is."""

    id: UUID
    event_id: str
    subject: str
    cursor: str
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one worker sends before it writes down what came of it. `keys` sign, newest first."""

    webhook_id: UUID
    holder: UUID
    url: str
    keys: Sequence[bytes]
    deliveries: Sequence[Delivery]


# Those before which nothing of the same subject waits for later. One that is tried now is due when
# its try must have ended, so it holds back the later ones like one that failed.
_TAKE = text(
    """
    UPDATE webhook_delivery t
    SET due_at = :held_until, attempts = t.attempts + 1, tried_at = :at
    FROM (
      SELECT d.id FROM webhook_delivery d
      WHERE d.tenant_id = :tenant AND d.webhook_id = :webhook AND d.status = 'pending'
        AND d.due_at <= :at
        AND NOT EXISTS (SELECT FROM webhook_delivery e
          WHERE e.tenant_id = :tenant AND e.webhook_id = :webhook AND e.status = 'pending'
            AND e.subject = d.subject AND e.cursor < d.cursor AND e.due_at > :at)
      ORDER BY d.cursor LIMIT :most
    ) due
    WHERE t.tenant_id = :tenant AND t.webhook_id = :webhook AND t.id = due.id
    RETURNING t.id, t.event_id, t.subject, t.cursor, t.body, t.attempts
    """
)


def next_round(session: Session, webhook_id: UUID, holder: UUID, at: datetime) -> Round | None:
    """Takes what is due in hand, for a minute. None: nothing is, or somebody else has it.

    `holder` is whoever sends; a holder may come again and again. `at` is the world's.
    """
    webhook = _hold(session, webhook_id, holder, at)
    if webhook is None:
        return None
    lay_out(session, webhook, at)
    session.flush()
    values = {
        "tenant": webhook.tenant_id,
        "webhook": webhook.id,
        "at": at,
        "held_until": at + HELD_FOR,
        "most": MOST_WHILE_FAILING if webhook.failing_since else MOST_A_ROUND,
    }
    taken = sorted(session.execute(_TAKE, values), key=lambda row: (row.cursor, row.id))
    if not taken:
        webhook.held_by, webhook.held_until = None, None
        session.flush()
        return None
    return Round(
        webhook.id,
        holder,
        webhook.url,
        keys_of(webhook, at),
        [
            Delivery(row.id, row.event_id, row.subject, row.cursor, row.body.encode(), row.attempts)
            for row in taken
        ],
    )


def _hold(session: Session, webhook_id: UUID, holder: UUID, at: datetime) -> WebhookRow | None:
    webhook = session.scalars(
        select(WebhookRow)
        .where(
            WebhookRow.tenant_id == session.info["tenant_id"],
            WebhookRow.id == webhook_id,
            WebhookRow.status == "active",
        )
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if (
        webhook is None
        or (webhook.held_until and webhook.held_until > at and webhook.held_by != holder)
        or (webhook.rests_until and webhook.rests_until > at)
    ):
        return None
    webhook.held_by, webhook.held_until = holder, at + HELD_FOR
    return webhook


def let_go(session: Session, webhook_id: UUID, holder: UUID) -> None:
    """The holder stops; whoever comes next need not wait for a minute."""
    session.execute(
        update(WebhookRow)
        .where(
            WebhookRow.tenant_id == session.info["tenant_id"],
            WebhookRow.id == webhook_id,
            WebhookRow.held_by == holder,
        )
        .values(held_by=None, held_until=None)
    )
