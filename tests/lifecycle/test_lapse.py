"""Holds whose time is over end once, by however many sweepers, and nobody waits for anybody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.ledger.rules import Balance
from loyalty.lifecycle.lapse import lapse_some, tenants_with_holds_due
from loyalty.members.queries import lock_membership
from loyalty.programs.queries import Program
from loyalty.redemption.redeem_reward import RedeemReward
from loyalty.transaction import across_tenants, transaction
from tests.opened import AT, balance, joined, opened
from tests.rewards.given import offered, redeemed_reward
from tests.tenant import TestTenant

LATER = AT + timedelta(seconds=60)
MEMBERS = [f"m-{number}" for number in range(12)]


@pytest.fixture
def program(tenant: TestTenant) -> Program:
    """Each member holds two of what there are 24 of, for a minute."""
    with transaction(tenant.id) as session:
        made = opened(session)
        offered(session, made, stock=24)
        for member in MEMBERS:
            joined(session, made, member, points=20)
            for _ in range(2):
                redeemed_reward(session, made, RedeemReward("it", hold_s=60), member)
    return made


def _tick(tenant: TestTenant, most: int = 5) -> int:
    with transaction(tenant.id) as session:
        return lapse_some(session, LATER, most=most)


def test_only_what_is_due_lapses(tenant: TestTenant, program: Program) -> None:
    with across_tenants() as session:
        assert tenant.id not in tenants_with_holds_due(session, LATER - timedelta(seconds=1))
        assert tenant.id in tenants_with_holds_due(session, LATER)
    with transaction(tenant.id) as session:
        assert lapse_some(session, LATER - timedelta(microseconds=1), most=100) == 0
        assert lapse_some(session, LATER, most=100) == 24
        assert lapse_some(session, LATER, most=100) == 0


def test_many_sweepers_at_once_let_each_hold_lapse_once(
    tenant: TestTenant, program: Program
) -> None:
    def sweep(_: object) -> int:
        return sum(_tick(tenant) for _ in MEMBERS)

    with ThreadPoolExecutor(4) as sweepers:
        lapsed = sum(sweepers.map(sweep, range(4)))
    assert lapsed + _tick(tenant, most=100) == 24  # of what one had in hand when others passed by
    with transaction(tenant.id) as session:
        assert {balance(session, program, one) for one in MEMBERS} == {Balance(available=20)}
        assert session.execute(text("SELECT total, remaining FROM reward_stock")).one() == (24, 24)
        lapses = session.scalar(text("SELECT count(*) FROM entry WHERE kind = 'lapse'"))
        assert lapses == 24


def test_an_account_that_somebody_has_in_hand_is_passed_over(
    tenant: TestTenant, program: Program
) -> None:
    with transaction(tenant.id) as session:
        lock_membership(session, program.id, "m-3")
        assert _tick(tenant, most=100) == 22
    assert _tick(tenant) == 2
