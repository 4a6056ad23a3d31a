"""Rewards that members have won are handed out, each in a transaction of its own."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from celery import shared_task

from loyalty.campaigns.steps import GIVE
from loyalty.clock import now, wall_clock
from loyalty.logs import logger
from loyalty.redemption.give_reward import give_reward, postpone, rewards_due
from loyalty.tasks.earning import is_rows_fault
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)

MOST_A_TICK = 200
_WOKEN_WITHIN = timedelta(seconds=3)


@shared_task(name=GIVE)
def give(tenant_id: int, gift_ids: list[str]) -> None:
    """Hands out what was won just now; what another worker has in hand is skipped."""
    for one in gift_ids:
        _give(tenant_id, UUID(one))


@shared_task(name="gifts.sweep")
def sweep() -> None:
    """Hands out what nobody was woken for, and tries again what could not be given."""
    with across_tenants() as session:
        due = rewards_due(session, wall_clock(), settled=_WOKEN_WITHIN, most=MOST_A_TICK)
    for tenant_id, gift_id in due:
        _give(tenant_id, gift_id)


def _give(tenant_id: int, gift_id: UUID) -> None:
    """One reward, one transaction. One that fails by its own fault must not hold up the others."""
    try:
        with transaction(tenant_id) as session:
            give_reward(session, gift_id, now(session))
    except Exception as error:
        if not is_rows_fault(error):
            raise
        log.error("reward not handed out", gift_id=str(gift_id), error=repr(error))
        with transaction(tenant_id) as session:
            postpone(session, gift_id, "failed", now(session))
