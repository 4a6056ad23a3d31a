"""The workers' tasks of re-evaluations: batch after batch, each a transaction."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerError

from loyalty.care.re_evaluate.go_on import fail_run
from loyalty.care.re_evaluate.go_on import go_on as do_batch
from loyalty.care.re_evaluate.queries import stalled
from loyalty.care.re_evaluate.start import GO_ON
from loyalty.clock import now, wall_clock
from loyalty.logs import logger
from loyalty.outbox import handover
from loyalty.tasks.earning import is_rows_fault, sentence
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)

AT_A_STRETCH_S = 5.0
PATIENCE = timedelta(seconds=20)  # longer than a batch takes


@shared_task(name=GO_ON)
def go_on(tenant_id: int, run_ids: list[str]) -> None:
    """Batches of each run for a few seconds; then it is the others' turn, and a message asks for
    the rest."""
    for run_id in map(UUID, run_ids):
        ends = time.monotonic() + AT_A_STRETCH_S
        while (status := batch(tenant_id, run_id)) == "running" and time.monotonic() < ends:
            pass
        if status == "running":
            handover.wake(tenant_id, [run_id], GO_ON)


def batch(tenant_id: int, run_id: UUID) -> str | None:
    """One batch, one transaction; the run's status after it. What can't be done ends the run."""
    try:
        with transaction(tenant_id) as session:
            return do_batch(session, run_id, now(session))
    except Exception as error:
        if not is_rows_fault(error):
            raise
        log.error("re-evaluation failed", run=str(run_id), error=repr(error))
        with transaction(tenant_id) as session:
            fail_run(session, run_id, sentence(error)[:1000], now(session))
        return "failed"


@shared_task(name="re_evaluations.sweep")
def sweep() -> None:
    """Wakes runs that have not moved for a while: their worker was killed, or the message lost."""
    with across_tenants() as session:
        found = stalled(session, PATIENCE, wall_clock())
    for tenant_id, run_id in found:
        try:
            handover.send(tenant_id, [run_id], GO_ON)
        except BrokerError as error:
            log.warning("sweep of re-evaluations stopped", error=repr(error))
            return
