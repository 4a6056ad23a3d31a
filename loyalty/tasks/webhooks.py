"""Webhooks: the workers' rounds, and the sweep that finds what is to be sent."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy.exc import SQLAlchemyError

from loyalty import metrics
from loyalty.clock import wall_clock
from loyalty.ids import uuid7
from loyalty.logs import logger
from loyalty.outbox import handover
from loyalty.transaction import across_tenants, transaction
from loyalty.webhooks.forget import forget_some
from loyalty.webhooks.next_round import let_go, next_round
from loyalty.webhooks.queries import with_work
from loyalty.webhooks.send import send_round
from loyalty.webhooks.settle import is_slow, settle_round

log = logger(__name__)

DELIVER = "webhooks.deliver"
AT_A_STRETCH_S = 20.0  # then it is the others' turn; the sweep asks for the rest within a second
MOST_A_TICK = 500
MOST_SLOW = 16  # webhooks at work that failed or were slow the last time: half of one courier
_STALE_S = 10  # a wake-up that waited so long was sent again meanwhile
DELIVERED_KEPT = timedelta(days=7)
DEAD_KEPT = timedelta(days=30)
FORGOTTEN_A_BATCH = 5000


@shared_task(name=DELIVER)
def deliver(tenant_id: int, webhook_id: str) -> None:
    """Round after round to one webhook, as long as there is something due. Twice at once does no
    harm: the second finds it held."""
    holder, ends = uuid7(), time.monotonic() + AT_A_STRETCH_S
    try:
        while time.monotonic() < ends and deliver_round(tenant_id, UUID(webhook_id), holder):
            pass
    finally:
        with suppress(SQLAlchemyError), transaction(tenant_id) as session:
            let_go(session, UUID(webhook_id), holder)


def deliver_round(tenant_id: int, webhook_id: UUID, holder: UUID) -> bool:
    """Takes in hand, sends, writes down: two short transactions, and none while it sends.

    False when there was nothing to send, or when it is so slow that the others come first.
    """
    with transaction(tenant_id) as session:
        taken = next_round(session, webhook_id, holder, wall_clock())
    if taken is None:
        return False
    sent = send_round(taken)
    with transaction(tenant_id) as session:
        delivered, dead = settle_round(session, taken, sent, wall_clock())
    tried = sum(outcome is not None for _, outcome in sent)
    metrics.webhooks(delivered=delivered, failed=tried - delivered - dead, dead=dead)
    return not is_slow(sent)


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Wakes the webhooks for which something is due and which nobody has in hand."""
    with across_tenants() as session:
        found = with_work(session, wall_clock(), most=MOST_A_TICK, most_slow=MOST_SLOW)
    for tenant_id, webhook_id in found:
        try:
            handover.producer().send_task(
                DELIVER,
                args=(tenant_id, str(webhook_id)),
                queue="webhooks",
                retry=False,
                ignore_result=True,
                expires=_STALE_S,
            )
        except BrokerError as error:  # the next sweep goes on
            log.warning("sweep of webhooks stopped", error=repr(error))
            return


@shared_task(name="webhooks.forget")
def forget() -> None:
    """Forgets deliveries that nobody asks for any more."""
    at, most = wall_clock(), FORGOTTEN_A_BATCH
    forgotten = most
    while forgotten == most:
        with across_tenants() as session:
            forgotten = forget_some(
                session,
                delivered_before=at - DELIVERED_KEPT,
                dead_before=at - DEAD_KEPT,
                most=most,
            )
