"""The tick that ends holds: all that are due, and past an account that is broken."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.clock import wall_clock
from loyalty.redemption.redeem_reward import RedeemReward
from loyalty.tasks.lifecycle import HOLDS_A_BATCH, lapse_holds
from loyalty.transaction import across_tenants, transaction
from tests.opened import joined, opened
from tests.rewards.given import offered, redeemed_reward
from tests.tenant import TestTenant, fresh_tenant

pytestmark = pytest.mark.usefixtures("alone")
MEMBERS = [f"m-{number}" for number in range(HOLDS_A_BATCH + 5)]
HELD = text("SELECT account_id FROM redemption WHERE status = 'held'")


def _holding() -> TestTenant:
    """A tenant of whom each member's hold ended a minute ago."""
    with across_tenants() as session:
        tenant = fresh_tenant(session)
    then = wall_clock() - timedelta(minutes=2)
    with transaction(tenant.id) as session:
        program = opened(session)
        offered(session, program)
        for member in MEMBERS:
            joined(session, program, member, points=10)
            redeemed_reward(session, program, RedeemReward("it", hold_s=60), member, at=then)
    return tenant


def _lapse() -> None:
    """Some ticks, as beat sends them: on a busy machine one has no time for all."""
    for _ in range(5):
        lapse_holds()


def test_all_that_is_due_lapses_of_all_tenants() -> None:
    tenants = [_holding(), _holding()]
    _lapse()
    for tenant in tenants:
        with transaction(tenant.id) as session:
            assert session.scalars(HELD).all() == []
            assert session.scalar(text("SELECT sum(available) FROM account")) == 10 * len(MEMBERS)


def test_a_broken_account_holds_up_neither_its_tenant_nor_the_others() -> None:
    tenant, other = _holding(), _holding()
    with transaction(tenant.id) as session:
        broken = session.scalars(text("SELECT min(id) FROM account")).one()
        session.execute(text("UPDATE account SET held = 3 WHERE id = :id"), {"id": broken})
    _lapse()
    with transaction(tenant.id) as session:
        assert session.scalars(HELD).all() == [broken]
    with transaction(other.id) as session:
        assert session.scalars(HELD).all() == []
