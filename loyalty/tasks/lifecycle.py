"""What time does: beat's ticks, each short, so that the sweep beside them is never late."""

from __future__ import annotations

import time

from celery import shared_task
from sqlalchemy.exc import DBAPIError

from loyalty import metrics
from loyalty.clock import now, wall_clock
from loyalty.errors import Conflict
from loyalty.lifecycle.lapse import accounts_due, lapse_some, tenants_with_holds_due
from loyalty.lifecycle.move_due import Place, first_due, move_due, tenants_with_due
from loyalty.logs import logger
from loyalty.redemption.release import lapse_due
from loyalty.tasks.earning import is_rows_fault, sentence
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)

LOTS_A_BATCH = 100  # some five milliseconds: a burn that meets a batch waits no longer
HOLDS_A_BATCH = 20  # each with its stock and its voucher
BUDGET_S = 1.5  # of a tick, which comes every two seconds


@shared_task(name="lifecycle.move_due")
def move_due_lots() -> None:
    """Moves what is due of all tenants, in turns, for as long as the tick may take.

    What is left is found by the next tick; how many ticks are at work does not matter.
    """
    until = time.monotonic() + BUDGET_S
    with across_tenants() as session:
        places = dict.fromkeys(tenants_with_due(session, wall_clock()), Place())
    while places:
        for tenant_id, place in list(places.items()):
            if time.monotonic() >= until:
                return
            began = time.monotonic()
            ended = _move_batch(tenant_id, place)
            if ended is None:
                del places[tenant_id]
            else:
                places[tenant_id] = ended
                _rest(since=began, until=until)


def _rest(since: float, until: float) -> None:
    """As long as the batch took, within the tick: the processors are the burns' as well."""
    present = time.monotonic()
    time.sleep(max(0.0, min(present - since, until - present)))


def _move_batch(tenant_id: int, place: Place) -> Place | None:
    try:
        return _move(tenant_id, place, LOTS_A_BATCH)
    except DBAPIError as error:
        if not is_rows_fault(error):
            raise
        log.error("what is due cannot be moved", tenant=tenant_id, error=sentence(error))
    return _move_singly(tenant_id, place)


def _move_singly(tenant_id: int, place: Place) -> Place | None:
    """Lot by lot, past those of an account that is broken: the audit names it."""
    for _ in range(LOTS_A_BATCH):
        with transaction(tenant_id) as session:
            first = first_due(session, place, now(session))
        if first is None:
            return None
        try:
            _move(tenant_id, place, 1)
        except DBAPIError as error:
            if not is_rows_fault(error):
                raise
        place = first
    return place


def _move(tenant_id: int, place: Place, most: int) -> Place | None:
    with transaction(tenant_id) as session:
        moved = move_due(session, place, now(session), most=most)
    metrics.moved_by_time(activated=moved.activated, expired=moved.expired)
    return moved.ended


@shared_task(name="lifecycle.lapse")
def lapse_holds() -> None:
    """Ends the holds whose time is over, of all tenants, in turns; a burn does so on its way."""
    until = time.monotonic() + BUDGET_S
    with across_tenants() as session:
        waiting = {one: set[int]() for one in tenants_with_holds_due(session, wall_clock())}
    while waiting:
        for tenant_id, broken in list(waiting.items()):
            if time.monotonic() >= until:
                return
            if not _lapse_batch(tenant_id, broken):
                del waiting[tenant_id]


def _lapse_batch(tenant_id: int, broken: set[int]) -> int:
    try:
        with transaction(tenant_id) as session:
            return lapse_some(session, now(session), most=HOLDS_A_BATCH, but=broken)
    except Exception as error:
        if not _is_accounts_fault(error):
            raise
        log.error("holds cannot lapse", tenant=tenant_id, error=sentence(error))
    return sum(_lapse_singly(tenant_id, broken) for _ in range(HOLDS_A_BATCH))


def _lapse_singly(tenant_id: int, broken: set[int]) -> int:
    """The holds of one account; one that is broken is passed over until the next tick."""
    with transaction(tenant_id) as session:
        at = now(session)
        due = accounts_due(session, at, most=1, but=broken)
    try:
        with transaction(tenant_id) as session:
            return lapse_due(session, due, at)
    except Exception as error:
        if not _is_accounts_fault(error):
            raise
        broken.update(due)
        return 0


def _is_accounts_fault(error: Exception) -> bool:
    return isinstance(error, Conflict) or is_rows_fault(error)
