"""What time does to tiers: beat's ticks, each short, so that the sweep beside is never late."""

from __future__ import annotations

import time

from celery import shared_task

from loyalty.clock import now, wall_clock
from loyalty.lifecycle.recount_tiers import programs_to_recount, recount_tiers
from loyalty.lifecycle.review_tiers import programs_with_due, review_tiers
from loyalty.transaction import across_tenants, transaction

MEMBERS_A_BATCH = 200  # some thirty milliseconds: a burn that meets a batch waits no longer
BUDGET_S = 1.5  # of a tick, which comes every two seconds


@shared_task(name="lifecycle.review_tiers")
def review_due_tiers() -> None:
    """Looks at the tiers that are due, program after program, for as long as the tick may take.

    What is left is found by the next tick; how many ticks are at work does not matter.
    """
    until = time.monotonic() + BUDGET_S
    with across_tenants() as session:
        changed, due = programs_to_recount(session), programs_with_due(session, wall_clock())
    for tenant_id, program_id in changed:
        left = True
        while left and time.monotonic() < until:
            with transaction(tenant_id) as session:
                left = recount_tiers(session, program_id, now(session), most=MEMBERS_A_BATCH)
    for tenant_id, program_id in due:
        seen = MEMBERS_A_BATCH
        while seen and time.monotonic() < until:
            with transaction(tenant_id) as session:
                seen = review_tiers(session, program_id, now(session), most=MEMBERS_A_BATCH)
