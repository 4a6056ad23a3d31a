"""The workers' tasks of returns: each is settled in a transaction of its own."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerError

from loyalty import metrics
from loyalty.clock import now, wall_clock
from loyalty.earning.give_back.accept import SETTLE
from loyalty.earning.give_back.settle import fail_return, settle_return
from loyalty.earning.give_back.sweep import resend
from loyalty.logs import logger
from loyalty.outbox import handover
from loyalty.tasks.earning import is_rows_fault, sentence
from loyalty.tasks.queue import depth
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)

DEEP = 20  # messages waiting; more than this and the sweep would only add to them
_MOST_IDS_A_MESSAGE = 100


@shared_task(name=SETTLE)
def settle(tenant_id: int, give_back_ids: list[str]) -> None:
    """Settles returns of one tenant, one by one; what another worker has in hand is skipped."""
    for one in give_back_ids:
        settle_one(tenant_id, UUID(one))


def settle_one(tenant_id: int, give_back_id: UUID) -> None:
    """One return, one transaction. One that can't be settled fails; for trouble that is not its
    own (connection, deadlock, timeout) it stays open, and the sweep comes back to it."""
    try:
        with transaction(tenant_id) as session:
            outcome = settle_return(session, give_back_id, now(session))
    except Exception as error:
        if not is_rows_fault(error):
            raise
        log.error("return failed", give_back_id=str(give_back_id), error=repr(error))
        with transaction(tenant_id) as session:
            fail_return(session, give_back_id, type(error).__name__, sentence(error)[:1000])
        metrics.returned("failed")
        return
    if outcome:
        metrics.returned(outcome.reason or outcome.status)


@shared_task(name="returns.sweep")
def sweep() -> None:
    """Re-sends returns that have been open for seconds, unless the queue is deep."""
    waiting = depth("award")
    if waiting is None or waiting > DEEP:
        return
    with across_tenants() as session:
        wake_ups = resend(session, wall_clock())
    for tenant_id, ids in wake_ups.items():
        for start in range(0, len(ids), _MOST_IDS_A_MESSAGE):
            try:
                handover.send(tenant_id, ids[start : start + _MOST_IDS_A_MESSAGE], SETTLE)
            except BrokerError as error:  # counted all the same; the next sweep goes on
                log.warning("sweep of returns stopped", error=repr(error))
                return
