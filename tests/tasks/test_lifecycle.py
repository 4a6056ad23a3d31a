"""What is due is moved once, whoever is at work beside and whoever is killed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from loyalty.book.audit import scopes
from loyalty.book.checks import OF_ACCOUNTS
from loyalty.clock import wall_clock
from loyalty.ledger.post import lock_accounts
from loyalty.ledger.rules import Lot
from loyalty.lifecycle.move_due import Place, move_due
from loyalty.tasks import lifecycle
from loyalty.tasks.lifecycle import move_due_lots
from loyalty.transaction import across_tenants, transaction
from tests.ledger.lots import account_with
from tests.opened import opened
from tests.tenant import TestTenant, fresh_tenant

pytestmark = pytest.mark.usefixtures("alone")
HOUR = timedelta(hours=1)
ACCOUNTS, LOTS = 40, 10


def _due_at(at: datetime) -> list[Lot]:
    """Five lots that activate and five that expire, by `at`."""
    waits = [Lot(0, 3, activates_at=at - n * HOUR, active=False) for n in range(1, LOTS, 2)]
    lives = [Lot(0, 5, expires_at=at - n * HOUR) for n in range(0, LOTS, 2)]
    return [*waits, *lives]


def _owns_due(tenant: TestTenant, at: datetime, accounts: int = ACCOUNTS) -> list[int]:
    with transaction(tenant.id) as session:
        program = opened(session)
        return [account_with(session, program, _due_at(at)).id for _ in range(accounts)]


def _moved(tenant: TestTenant) -> tuple[int, int, int]:
    """Lots that have activated and that have expired, by the draws; and lots that are due still."""
    with transaction(tenant.id) as session:
        counts = {
            kind: session.execute(
                text(
                    "SELECT count(*) FROM lot_draw d JOIN entry e ON e.account_id = d.account_id"
                    " AND e.version = d.entry_version WHERE e.kind = :kind"
                ),
                {"kind": kind},
            ).scalar_one()
            for kind in ("activate", "expire")
        }
        left = session.execute(
            text("SELECT count(*) FROM lot WHERE open AND due_at <= :at"), {"at": wall_clock()}
        ).scalar_one()
    return counts["activate"], counts["expire"], left


def _must_be_whole(tenant: TestTenant) -> None:
    with across_tenants(snapshot=True) as session:
        [scope] = scopes(session, tenant.slug, None)
        asked = {"tenant": scope.tenant_id, "program": scope.program_id, "accounts": None}
        broken = {
            invariant
            for invariant, question in OF_ACCOUNTS.items()
            if session.execute(text(question), asked).first() is not None
        }
    assert broken == {"award entries have an award"}  # they were put there without purchases


def test_several_workers_at_once_move_every_lot_once(
    tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "LOTS_A_BATCH", 7)
    _owns_due(tenant, wall_clock())
    with ThreadPoolExecutor(6) as workers:
        for one in [workers.submit(move_due_lots) for _ in range(6)]:
            one.result()
    move_due_lots()  # what somebody had in hand when the last one looked
    assert _moved(tenant) == (ACCOUNTS * 5, ACCOUNTS * 5, 0)
    _must_be_whole(tenant)


def test_an_account_in_hand_is_passed_over_and_nobody_waits(tenant: TestTenant) -> None:
    held, *_ = _owns_due(tenant, wall_clock(), accounts=3)
    with transaction(tenant.id) as session:
        lock_accounts(session, [held])
        with ThreadPoolExecutor(1) as other:
            other.submit(move_due_lots).result(timeout=5)
        assert _moved(tenant) == (10, 10, LOTS)
    move_due_lots()
    assert _moved(tenant) == (15, 15, 0)


def test_who_is_killed_in_the_middle_leaves_nothing_half_done(tenant: TestTenant) -> None:
    _owns_due(tenant, wall_clock(), accounts=3)

    def die() -> None:
        with transaction(tenant.id) as session:
            moved = move_due(session, Place(), wall_clock(), most=11)
            assert moved.activated + moved.expired == 11
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert _moved(tenant) == (0, 0, 3 * LOTS)
    move_due_lots()
    assert _moved(tenant) == (15, 15, 0)
    _must_be_whole(tenant)


def test_every_tenant_has_its_turn(tenant: TestTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LOTS_A_BATCH", 4)
    with across_tenants() as session:
        other = fresh_tenant(session)
    for one in (tenant, other):
        _owns_due(one, wall_clock(), accounts=2)
    move_due_lots()
    assert _moved(tenant) == _moved(other) == (10, 10, 0)


def test_a_broken_account_holds_up_nobody(tenant: TestTenant) -> None:
    with across_tenants() as session:
        other = fresh_tenant(session)
    broken, *_ = _owns_due(tenant, wall_clock(), accounts=3)
    _owns_due(other, wall_clock(), accounts=1)
    with transaction(tenant.id) as session:  # the figures no longer continue those of its entries
        session.execute(
            text("UPDATE account SET available = available + 1 WHERE id = :id"), {"id": broken}
        )
    move_due_lots()
    assert _moved(tenant) == (10, 10, LOTS)
    assert _moved(other) == (5, 5, 0)


def test_a_tick_ends_when_its_time_is_over(
    tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "BUDGET_S", 0.0)
    _owns_due(tenant, wall_clock(), accounts=1)
    move_due_lots()
    assert _moved(tenant) == (0, 0, LOTS)
