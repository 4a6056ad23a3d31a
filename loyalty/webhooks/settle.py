"""What came of a round is written down: delivered, to be tried again, dead; and of the webhook
itself, whether it works, rests, or is given up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import NotFound
from loyalty.outbox.emit import Event, emit
from loyalty.webhooks import rules
from loyalty.webhooks.models import WebhookRow
from loyalty.webhooks.next_round import Delivery, Round
from loyalty.webhooks.queries import webhook_by_id
from loyalty.webhooks.rules import Outcome

Sent = tuple[Delivery, Outcome | None]  # None: its turn did not come

# What is no longer as it was taken has been settled by somebody else.
_WRITE = text(
    """
    UPDATE webhook_delivery d
    SET status = r.status, attempts = r.attempts, due_at = r.due_at, answered = r.answered,
        error = r.error, took_ms = r.took_ms
    FROM json_to_recordset(CAST(:rows AS json))
      AS r(id uuid, taken smallint, status text, attempts smallint, due_at timestamptz,
           answered smallint, error text, took_ms integer)
    WHERE d.tenant_id = :tenant AND d.webhook_id = :webhook AND d.id = r.id
      AND d.status = 'pending' AND d.attempts = r.taken
    """
)
# Those behind one that waits are due when it is; behind one that is through, now.
_FOLLOW = text(
    """
    UPDATE webhook_delivery d SET due_at = r.due_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r(subject text, cursor text, due_at timestamptz)
    WHERE d.tenant_id = :tenant AND d.webhook_id = :webhook AND d.status = 'pending'
      AND d.subject = r.subject AND d.cursor > r.cursor AND d.due_at <> r.due_at
    """
)


def settle_round(
    session: Session, done: Round, sent: Sequence[Sent], at: datetime
) -> tuple[int, int]:
    """Writes down what came of it; returns how many were delivered and how many died.

    A webhook that was removed meanwhile has nothing left to write.
    """
    try:
        webhook = webhook_by_id(session, done.webhook_id, lock=True)
    except NotFound:
        return 0, 0
    rows = [_row(delivery, outcome, at) for delivery, outcome in sent]
    whose = {"tenant": webhook.tenant_id, "webhook": webhook.id}
    session.execute(_WRITE, {**whose, "rows": orjson.dumps(rows).decode()})
    session.execute(_FOLLOW, {**whose, "rows": orjson.dumps(_followed(sent, rows, at)).decode()})
    outcomes = [outcome for _, outcome in sent if outcome is not None]
    if any(one.is_delivered for one in outcomes):
        webhook.failing_since, webhook.failed_rounds = None, 0
        webhook.rests_until = at if is_slow(sent) else None  # at once, but as one of the slow ones
    elif outcomes and webhook.status == "active":
        _failed(session, webhook, outcomes, at)
    session.flush()
    delivered = sum(row["status"] == "delivered" for row in rows)
    return delivered, sum(row["status"] == "dead" for row in rows)


def is_slow(sent: Sequence[Sent]) -> bool:
    """Whether an answer of the round was long in coming."""
    return any(outcome is not None and outcome.took_ms > rules.SLOW_MS for _, outcome in sent)


def _row(delivery: Delivery, outcome: Outcome | None, at: datetime) -> dict[str, object]:
    told: dict[str, object] = {
        "id": delivery.id,
        "taken": delivery.attempts,
        "status": "pending",
        "attempts": delivery.attempts,
        "due_at": at,
        "answered": None,
        "error": None,
        "took_ms": None,
    }
    if outcome is None:
        return {**told, "attempts": delivery.attempts - 1}
    told |= {"answered": outcome.answered, "error": outcome.sentence, "took_ms": outcome.took_ms}
    if outcome.is_delivered:
        return {**told, "status": "delivered"}
    dice = random.random()  # noqa: S311 - it spreads tries, and guards nothing
    wait = rules.wait_after(delivery.attempts, outcome.retry_after_s, dice)
    return {**told, "status": "dead"} if wait is None else {**told, "due_at": at + wait}


def _followed(
    sent: Sequence[Sent], rows: Sequence[dict[str, object]], at: datetime
) -> list[dict[str, object]]:
    """Of each subject the one that the later ones wait for: the first that is not delivered, or
    the last; and when they are due."""
    found: dict[str, dict[str, object]] = {}
    for (delivery, _), row in zip(sent, rows, strict=True):
        before = found.get(delivery.subject)
        if before is None or before["delivered"]:
            waits = row["status"] == "pending"
            found[delivery.subject] = {
                "subject": delivery.subject,
                "cursor": delivery.cursor,
                "due_at": row["due_at"] if waits else at,
                "delivered": row["status"] == "delivered",
            }
    return list(found.values())


def _failed(
    session: Session, webhook: WebhookRow, outcomes: Sequence[Outcome], at: datetime
) -> None:
    webhook.failing_since = webhook.failing_since or at
    webhook.failed_rounds += 1
    webhook.rests_until = at + rules.rest_after(webhook.failed_rounds)
    if any(one.answered == rules.GONE for one in outcomes):
        disable(session, webhook, "It answered 410: it is gone.", at)
    elif at - webhook.failing_since >= rules.GIVE_UP_AFTER:
        last = outcomes[-1].sentence or ""
        disable(session, webhook, f"Nothing was delivered for days. {last}", at)


def disable(session: Session, webhook: WebhookRow, reason: str, at: datetime) -> None:
    """Nobody tries any more until somebody makes it active again; others are told."""
    webhook.status, webhook.disabled_reason = "disabled", reason
    webhook.version += 1
    session.flush()
    subject = f"webhook {webhook.id}"
    since = (webhook.failing_since or at).isoformat()
    data = {"failing_since": since, "reason": reason}
    emit(session, [Event("webhook.disabled", subject, data)], at)
    record(
        session,
        By(":webhooks", None, at),
        act="webhook.disable",
        subject=subject,
        before={"status": "active"},
        after={"status": "disabled"},
        reason=reason,
    )


def try_again(session: Session, webhook: WebhookRow, delivery_id: UUID, at: datetime) -> None:
    """One delivery, dead or delivered or waiting, is due now, as if it were new.

    `webhook` was read with `lock`.
    """
    session.execute(
        text(
            "UPDATE webhook_delivery SET status = 'pending', attempts = 0, due_at = :at"
            " WHERE tenant_id = :tenant AND webhook_id = :webhook AND id = :id"
        ),
        {"tenant": webhook.tenant_id, "webhook": webhook.id, "id": delivery_id, "at": at},
    )
    webhook.rest_no_more(at)
    session.flush()
