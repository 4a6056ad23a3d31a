"""The workers' tasks of jobs: batch after batch, each a transaction."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerError

from loyalty.clock import now, wall_clock
from loyalty.jobs.advance import MOST_TRIES, fail, take_up
from loyalty.jobs.advance import advance as do_batch
from loyalty.jobs.kinds import STEPS
from loyalty.jobs.queries import standing_still
from loyalty.jobs.start import ADVANCE
from loyalty.logs import logger
from loyalty.outbox import handover
from loyalty.tasks.earning import is_rows_fault, sentence
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)

AT_A_STRETCH_S = 1.0  # then purchases that wait behind it have their turn
PATIENCE = timedelta(seconds=15)  # longer than a batch takes


@shared_task(name=ADVANCE)
def advance(tenant_id: int, job_ids: list[str]) -> None:
    """Batches of each job for a moment; then it is the others' turn, and a message asks for the
    rest."""
    for job_id in map(UUID, job_ids):
        if _taken_up(tenant_id, job_id) and _stretch(tenant_id, job_id) == "running":
            handover.wake(tenant_id, [job_id], ADVANCE)


def _taken_up(tenant_id: int, job_id: UUID) -> bool:
    with transaction(tenant_id) as session:
        tries = take_up(session, job_id)
    if tries > MOST_TRIES:
        _fail(tenant_id, job_id, f"{MOST_TRIES} workers took it up and did not end a batch.")
    return 0 < tries <= MOST_TRIES


def _stretch(tenant_id: int, job_id: UUID) -> str | None:
    ends = time.monotonic() + AT_A_STRETCH_S
    while (status := batch(tenant_id, job_id)) == "running" and time.monotonic() < ends:
        pass
    return status


def batch(tenant_id: int, job_id: UUID) -> str | None:
    """One batch, one transaction; the job's status after it. What can't be done ends the job."""
    try:
        with transaction(tenant_id) as session:
            return do_batch(session, job_id, STEPS, now(session))
    except Exception as error:
        if not is_rows_fault(error):
            raise
        log.error("job failed", job=str(job_id), error=repr(error))
        _fail(tenant_id, job_id, sentence(error)[:1000])
        return "failed"


def _fail(tenant_id: int, job_id: UUID, detail: str) -> None:
    with transaction(tenant_id) as session:
        fail(session, job_id, detail, now(session))


@shared_task(name="jobs.sweep")
def sweep() -> None:
    """Wakes jobs that stand still: their worker was killed, or the message lost."""
    with across_tenants() as session:
        found = standing_still(session, PATIENCE, wall_clock())
    for tenant_id, job_id in found:
        try:
            handover.send(tenant_id, [job_id], ADVANCE)
        except BrokerError as error:
            log.warning("sweep of jobs stopped", error=repr(error))
            return
