"""The sizes of segments are kept fresh."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from sqlalchemy.exc import OperationalError

from loyalty.clock import now, wall_clock
from loyalty.errors import Problem
from loyalty.logs import logger
from loyalty.segments.queries import segment_by_key, stale
from loyalty.segments.save import recount
from loyalty.transaction import across_tenants, transaction

_FRESH_FOR = timedelta(hours=1)
_MOST_AT_ONCE = 200
log = logger(__name__)


@shared_task(name="segments.count")
def count() -> None:
    """Counts again the trees whose size is an hour old, each in a transaction of its own.

    Twice at once is two counts. One that cannot be counted in time keeps its old size.
    """
    with across_tenants() as session:
        due = stale(session, _FRESH_FOR, wall_clock(), _MOST_AT_ONCE)
    for one in due:
        try:
            with transaction(one.tenant_id) as session:
                segment = segment_by_key(session, one.program_id, one.key, lock=True)
                recount(session, segment, now(session))
        except (OperationalError, Problem) as error:  # gone meanwhile, or too slow
            log.warning("a segment was not counted", segment=one.key, error=repr(error))
