"""What was won is handed out by the worker, or by beat when nobody was woken; once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.clock import wall_clock
from loyalty.tasks import gifts
from loyalty.transaction import transaction
from tests.campaigns.given import coffees, running
from tests.campaigns.test_gifts import MUG
from tests.opened import joined, opened
from tests.rewards.given import offered
from tests.tenant import TestTenant

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def won(tenant: TestTenant) -> list[str]:
    """The ids of three mugs that Ann has won a minute ago; two are there."""
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        offered(session, program, "mug", stock=2)
        running(session, program, rewards=[MUG], times=3)
        coffees(session, program, 30)
        session.execute(
            text("UPDATE campaign_gift SET try_at = :at"),
            {"at": wall_clock() - timedelta(minutes=1)},
        )
        ids = session.execute(text("SELECT id FROM campaign_gift ORDER BY n")).scalars()
        return [str(one) for one in ids]


def handed_out(tenant: TestTenant) -> tuple[int, int, int]:
    """Redemptions, gifts that were given, and what is left of the stock."""
    with transaction(tenant.id) as session:
        made, given, left = session.execute(
            text(
                "SELECT (SELECT count(*) FROM redemption),"
                " (SELECT count(given_at) FROM campaign_gift),"
                " (SELECT remaining FROM reward_stock)"
            )
        ).one()
    return made, given, left


def test_workers_and_beat_at_once_hand_out_each_once(tenant: TestTenant, won: list[str]) -> None:
    with ThreadPoolExecutor(6) as threads:
        workers = [threads.submit(gifts.give, tenant.id, won) for _ in range(4)]
        beats = [threads.submit(gifts.sweep) for _ in range(2)]
        for one in [*workers, *beats]:
            one.result()
    assert handed_out(tenant) == (2, 2, 0)


def test_beat_comes_back_to_what_was_out_of_stock(tenant: TestTenant, won: list[str]) -> None:
    gifts.sweep()
    assert handed_out(tenant) == (2, 2, 0)
    with transaction(tenant.id) as session:
        session.execute(text("UPDATE reward_stock SET total = 3, remaining = 1"))
    gifts.sweep()
    assert handed_out(tenant) == (2, 2, 1)  # its time to be tried again has not come
    with transaction(tenant.id) as session:
        session.execute(
            text("UPDATE campaign_gift SET try_at = :at WHERE given_at IS NULL"),
            {"at": wall_clock() - timedelta(minutes=1)},
        )
    gifts.sweep()
    assert handed_out(tenant) == (3, 3, 0)
