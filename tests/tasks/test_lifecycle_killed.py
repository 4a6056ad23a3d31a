"""A sweeper that is killed while it moves what is due leaves a whole book, and another goes on."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from loyalty.clock import wall_clock
from loyalty.ledger.rules import Lot
from loyalty.transaction import transaction
from tests.ledger.lots import account_with
from tests.opened import opened
from tests.stack import Stack, until
from tests.tenant import TestTenant

HOUR = timedelta(hours=1)
ACCOUNTS, LOTS = 200, 40
_MOVED = text("SELECT count(*) FROM lot_draw")
_TWICE = text(
    "SELECT count(*) FROM (SELECT FROM lot_draw GROUP BY account_id, lot_id HAVING count(*) > 1) t"
)
_WHOLE = text("SELECT count(*) FROM account WHERE (pending, available) = (0, :points)")


def test_a_sweeper_is_killed__another_moves_the_rest__each_lot_once(
    tenant: TestTenant, stack: Stack
) -> None:
    stack.beat.stop()  # of an earlier test: nothing moves before the first tick of this one
    stack.sweeper.start()
    at = wall_clock()
    with transaction(tenant.id) as session:
        program = opened(session)
        lots = [Lot(0, 1, activates_at=at - n * HOUR, active=False) for n in range(LOTS)]
        for _ in range(ACCOUNTS):
            account_with(session, program, lots)

    def moved() -> int:
        with transaction(tenant.id) as session:
            return int(session.execute(_MOVED).scalar_one())

    def moves(more_than: int) -> bool:
        stack.tick("lifecycle.move_due")
        return moved() > more_than

    until(lambda: moves(0), "lots to move")
    stack.sweeper.kill()
    assert moved() < ACCOUNTS * LOTS
    stack.sweeper.start()
    until(lambda: moves(ACCOUNTS * LOTS - 1), "all lots to move", 30)
    with transaction(tenant.id) as session:
        assert session.execute(_MOVED).scalar_one() == ACCOUNTS * LOTS
        assert session.execute(_TWICE).scalar_one() == 0
        assert session.execute(_WHOLE, {"points": LOTS}).scalar_one() == ACCOUNTS
