"""What most tests of webhooks begin with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.outbox.emit import Event, emit
from loyalty.tasks.webhooks import deliver_round
from loyalty.transaction import transaction
from loyalty.webhooks.next_round import let_go
from loyalty.webhooks.save import NewWebhook, add_webhook
from tests.tenant import TestTenant

BY = By("test", "r1", datetime(2026, 7, 1, 12, tzinfo=UTC))


def hooked(tenant: TestTenant, url: str, types: Sequence[str] | None = None) -> tuple[UUID, str]:
    """A webhook that is told from now on; its id and secret."""
    with transaction(tenant.id) as session:
        row, secret = add_webhook(session, NewWebhook(url, types=types), BY)
        return row.id, secret


def say(tenant: TestTenant, *members: str) -> None:
    """Somebody left, and so did the next."""
    with transaction(tenant.id) as session:
        emit(session, [Event("member.left", f"member {one}", {}) for one in members], BY.at)


def rounds(tenant: TestTenant, webhook_id: UUID, most: int = 20) -> int:
    """Rounds until there is nothing to send; how many there were."""
    holder, done = uuid4(), 0
    while done < most and deliver_round(tenant.id, webhook_id, holder):
        done += 1
    with transaction(tenant.id) as session:
        let_go(session, webhook_id, holder)
    return done


def waiting(tenant: TestTenant, webhook_id: UUID) -> list[Row[Any]]:
    """The deliveries, in the order of the feed."""
    with transaction(tenant.id) as session:
        return list(
            session.execute(
                text(
                    "SELECT * FROM webhook_delivery WHERE webhook_id = :id"
                    " ORDER BY cursor, laid_out_at"
                ),
                {"id": webhook_id},
            )
        )


def row(session: Session, webhook_id: UUID) -> Row[Any]:
    """The webhook's row."""
    return session.execute(text("SELECT * FROM webhook WHERE id = :id"), {"id": webhook_id}).one()


def state(tenant: TestTenant, webhook_id: UUID) -> Row[Any]:
    """The webhook's row as it is now."""
    with transaction(tenant.id) as session:
        return row(session, webhook_id)


def let_time_pass(tenant: TestTenant, webhook_id: UUID, **interval: int) -> None:
    """All that the webhook has or waits for was so much earlier."""
    (unit, count), *_ = interval.items()
    ago = f"make_interval({unit} => {int(count)})"
    with transaction(tenant.id) as session:
        session.execute(
            text(
                f"UPDATE webhook SET rests_until = rests_until - {ago}, old_until = old_until"
                f" - {ago}, held_until = held_until - {ago}, failing_since = failing_since - {ago}"
                " WHERE id = :id"
            ),
            {"id": webhook_id},
        )
        session.execute(
            text(
                f"UPDATE webhook_delivery SET due_at = due_at - {ago},"
                f" laid_out_at = laid_out_at - {ago} WHERE webhook_id = :id"
            ),
            {"id": webhook_id},
        )
