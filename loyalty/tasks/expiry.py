"""Beat's tick that tells of points which expire soon."""

from __future__ import annotations

import time

from celery import shared_task

from loyalty.clock import now, wall_clock
from loyalty.lifecycle.move_due import Place
from loyalty.lifecycle.warn_of_expiry import tenants_to_warn, warn_of_expiry
from loyalty.transaction import across_tenants, transaction

LOTS_A_BATCH = 1000
BUDGET_S = 1.5  # of a tick, which comes each minute

#: Where the round of each tenant is. Forgotten with the process: then a round begins anew.
_places: dict[int, Place] = {}


@shared_task(name="lifecycle.warn_of_expiry")
def warn() -> None:
    """Goes on with the round of each tenant, in turns, for as long as the tick may take."""
    until = time.monotonic() + BUDGET_S
    with across_tenants() as session:
        waiting = list(tenants_to_warn(session, wall_clock()))
    while waiting:
        for tenant_id in list(waiting):
            if time.monotonic() >= until:
                return
            with transaction(tenant_id) as session:
                place = _places.get(tenant_id, Place())
                ended = warn_of_expiry(session, place, now(session), most=LOTS_A_BATCH)
            if ended is None:
                _places.pop(tenant_id, None)
                waiting.remove(tenant_id)
            else:
                _places[tenant_id] = ended
