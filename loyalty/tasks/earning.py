"""The workers' tasks of earning, and the loop that splits a failing batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg2
from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy.exc import DBAPIError

from loyalty import metrics
from loyalty.book.audit import LATEST_COMMIT
from loyalty.clock import now, wall_clock
from loyalty.earning import replay
from loyalty.earning.award import Judged, award_activities, fail
from loyalty.earning.claim import (
    MOST_AT_ONCE,
    MOST_CLAIMS_ALONE,
    count_claim_alone,
    give_claim_back,
)
from loyalty.earning.parking import expire_parked, reopen
from loyalty.earning.sweep import can_go_on, resend, tenants_with_expired
from loyalty.errors import Problem, Unavailable
from loyalty.logs import logger
from loyalty.outbox import handover
from loyalty.promotions.limits import BudgetOverdrawn
from loyalty.tasks import in_hand
from loyalty.tasks.queue import depth
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)

DEEP = 20  # messages waiting; more than this and the sweep would only add to them
#: Errors that are a row's own fault. All others (connection, deadlock, timeout, shutdown) leave
#: the rows open for the sweep.
_ROWS_FAULT = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
_POSTGRES_ROWS_FAULT = (psycopg2.DataError, psycopg2.IntegrityError, psycopg2.InternalError)


@shared_task(name="earning.award", bind=True)
def award(task: Task[Any, None], tenant_id: int, activity_ids: list[str]) -> None:
    """Judges purchases of one tenant; ids that another worker has in hand are skipped."""
    owner = str(task.request.id)
    mine = in_hand.take(tenant_id, activity_ids, owner)
    try:
        # Locks are held for one batch at a time; with none of its own it takes what else is open.
        for start in range(0, len(mine) or 1, MOST_AT_ONCE):
            judge(tenant_id, [UUID(one) for one in mine[start : start + MOST_AT_ONCE]])
    finally:  # what was parked may be re-opened at once, and must not find itself in hand
        in_hand.leave(tenant_id, mine, owner)


def judge(tenant_id: int, ids: Sequence[UUID]) -> None:
    """One batch, one transaction; a row that can't be judged is found by halving and failed."""
    claims = _claims_alone(tenant_id, ids)
    if claims > MOST_CLAIMS_ALONE:
        _fail(tenant_id, ids[0], "worker_lost", f"{MOST_CLAIMS_ALONE} workers ended over it.")
        return
    try:
        _award(tenant_id, ids, top_up=not claims)
    except Exception as error:
        if is_rows_fault(error):
            log.warning("batch split", tenant=tenant_id, rows=len(ids), error=repr(error))
            _judge_in_parts(tenant_id, ids)
            return
        if claims and not isinstance(error, SoftTimeLimitExceeded):
            _give_claim_back(tenant_id, ids[0])
        raise


def _judge_in_parts(tenant_id: int, ids: Sequence[UUID]) -> None:
    """The named rows in ever smaller parts, without others, until the culprits stand alone."""
    parts = [list(ids)]
    while parts:
        part = parts.pop()
        if not part:
            continue
        try:
            _award(tenant_id, part, top_up=False)
        except Exception as error:
            if not is_rows_fault(error):
                raise
            if len(part) == 1:
                _fail(tenant_id, part[0], type(error).__name__, sentence(error))
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]


def _award(tenant_id: int, ids: Sequence[UUID], *, top_up: bool) -> None:
    """One batch; what belongs to accounts that others have locked goes with the next, and at
    last waits for them: two batches do not stand behind each other for a member they share."""
    for wait in (False, False, True):
        judged = _award_once(tenant_id, ids, top_up=top_up and not wait, wait=wait)
        ids = judged.left
        if not ids:
            break


def _award_once(tenant_id: int, ids: Sequence[UUID], *, top_up: bool, wait: bool) -> Judged:
    def once(*, lock_budgets: bool) -> Judged:
        with transaction(tenant_id) as session:
            return award_activities(
                session, ids, now(session), top_up=top_up, wait=wait, lock_budgets=lock_budgets
            )

    try:
        judged = once(lock_budgets=False)
    except BudgetOverdrawn:
        judged = once(lock_budgets=True)
    metrics.awarded(judged.waits_s)
    for setback in judged.setbacks:
        metrics.set_back(setback["status"], setback["reason"])
    return judged


def _claims_alone(tenant_id: int, ids: Sequence[UUID]) -> int:
    """Counts a claim of a row that must be judged alone; 0 for any other."""
    if len(ids) != 1:
        return 0
    with transaction(tenant_id) as session:
        return count_claim_alone(session, ids[0])


def _give_claim_back(tenant_id: int, activity_id: UUID) -> None:
    try:
        with transaction(tenant_id) as session:
            give_claim_back(session, activity_id)
    except DBAPIError as error:  # Postgres is away: one claim too many is counted
        log.warning("claim not given back", activity_id=str(activity_id), error=repr(error))


def _fail(tenant_id: int, activity_id: UUID, reason: str, detail: str) -> None:
    with transaction(tenant_id) as session:
        failed = fail(session, activity_id, reason, detail[:1000], now(session))
    if failed:
        metrics.set_back("failed", reason)
        log.error("purchase failed", activity_id=str(activity_id), reason=reason, detail=detail)


def sentence(error: Exception) -> str:
    """What is shown of an error: never the statement, which holds more than the reader's own."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).partition("\n")[0]


def is_rows_fault(error: Exception) -> bool:
    """Whether a row itself can't be judged, however often it is tried."""
    if isinstance(error, SoftTimeLimitExceeded):
        return False
    if isinstance(error, DBAPIError):
        return isinstance(error.orig, _POSTGRES_ROWS_FAULT)
    if isinstance(error, Problem):  # a stored rule that can't be read, say
        return not isinstance(error, Unavailable)
    return isinstance(error, _ROWS_FAULT)


@shared_task(name="earning.sweep")
def sweep() -> None:
    """Re-sends what has been open for seconds, unless the queue is deep and would only grow."""
    waiting = depth("award")
    if waiting is None or waiting > DEEP:
        return
    with across_tenants() as session:
        wake_ups = resend(session, wall_clock())
    for tenant_id, ids in wake_ups:
        try:
            handover.send(tenant_id, ids)
        except BrokerError as error:  # counted as a re-send all the same; the next sweep goes on
            log.warning("sweep stopped", error=repr(error))
            return
    if wake_ups:
        metrics.swept(sum(len(ids) for _, ids in wake_ups))


@shared_task(name="earning.replay_lately")
def replay_lately() -> None:
    """Evaluates one in a hundred of the latest awards again; each must come out the same."""
    with across_tenants() as session:
        found = replay.replay_lately(session, wall_clock() - LATEST_COMMIT)
    metrics.miscounted(len(found or ()))
    for one in found or ():
        log.error(
            "an award comes out otherwise",
            activity_id=str(one.activity_id),
            stored=one.stored,
            again=one.again,
            detail=one.detail,
        )


@shared_task(name="earning.park_watch")
def park_watch() -> None:
    """Re-opens parked purchases that can go on, and ends those whose window is over."""
    with across_tenants() as session:
        found = can_go_on(session)
        expired = tenants_with_expired(session, wall_clock())
    for tenant_id, ids in found.items():
        with transaction(tenant_id) as session:
            reopen(session, ids, now(session))
    for tenant_id in expired:
        with transaction(tenant_id) as session:
            expire_parked(session, now(session))
