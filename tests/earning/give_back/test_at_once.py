"""Returns at once, races with the award, ends in the middle: each return counts once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from loyalty.audit.by import By
from loyalty.earning.award import award_activities
from loyalty.earning.give_back.accept import GiveBack, accept_return
from loyalty.earning.give_back.queries import Told, find, tell_one
from loyalty.earning.give_back.settle import Outcome, settle_return
from loyalty.earning.give_back.sweep import STALE_AFTER, resend
from loyalty.ledger.rules import Balance
from loyalty.programs.pause import pause_program
from loyalty.programs.queries import Program
from loyalty.tasks.earning import judge
from loyalty.tasks.returns import settle_one
from loyalty.transaction import across_tenants, transaction
from tests.earning.give_back.given import accepted, earned, returned
from tests.earning.given import bought, open_ids, stored
from tests.elsewhere import end_the_connection_that_waits
from tests.opened import AT, balance, joined, opened
from tests.servers import Own
from tests.tenant import TestTenant

pytestmark = pytest.mark.usefixtures("alone")
TICK = timedelta(microseconds=1)


@pytest.fixture
def program(tenant: TestTenant) -> Program:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        return program


def awarded(tenant: TestTenant, program: Program, amount: str, *lines: tuple[str, str, str]) -> str:
    with transaction(tenant.id) as session:
        return earned(session, program, amount, *lines)


def sent(tenant: TestTenant, program: Program, *told: GiveBack) -> list[UUID]:
    with transaction(tenant.id) as session:
        return [accepted(session, program, one) for one in told]


def told(tenant: TestTenant, give_back_id: UUID) -> Told:
    with transaction(tenant.id) as session:
        return tell_one(session, give_back_id)


def left(tenant: TestTenant, program: Program) -> Balance:
    with transaction(tenant.id) as session:
        return balance(session, program)


def at_once(*acts: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(acts)) as threads:
        for one in [threads.submit(act) for act in acts]:
            one.result()


def test_eight_returns_of_one_purchase_at_once_take_it_once(
    tenant: TestTenant, program: Program
) -> None:
    bought_as = awarded(tenant, program, "100")
    ids = sent(tenant, program, *(returned(bought_as) for _ in range(8)))
    at_once(*(lambda one=one: settle_one(tenant.id, one) for one in ids))
    found = [told(tenant, one) for one in ids]
    assert sorted(one.status for one in found) == ["refused"] * 7 + ["settled"]
    assert {one.reason for one in found} == {None, "too_much_returned"}
    assert left(tenant, program) == Balance()


def test_parts_at_once_are_the_whole(tenant: TestTenant, program: Program) -> None:
    bought_as = awarded(tenant, program, "10", ("wine", "3", "10"))
    ids = sent(tenant, program, *(returned(bought_as, {"wine": "1"}) for _ in range(3)))
    at_once(*(lambda one=one: settle_one(tenant.id, one) for one in ids))
    assert sorted(told(tenant, one).points or 0 for one in ids) == [3, 3, 4]
    assert left(tenant, program) == Balance()


def test_one_return_in_the_hands_of_five_workers_is_settled_once(
    tenant: TestTenant, program: Program
) -> None:
    [one] = sent(tenant, program, returned(awarded(tenant, program, "10"), amount="4"))
    at_once(*[lambda: settle_one(tenant.id, one)] * 5)
    settle_one(tenant.id, one)
    assert told(tenant, one).points == 4
    assert left(tenant, program) == Balance(available=6)


def test_the_same_return_from_five_servers_is_stored_once(
    tenant: TestTenant, program: Program
) -> None:
    order = returned(awarded(tenant, program, "10"), key="r-1")
    ids = set()

    def send() -> None:
        with transaction(tenant.id) as session:
            stored_as = accept_return(session, program.id, order, by=By("till", None, AT))
        ids.add(stored_as.id)

    at_once(*[send] * 5)
    assert len(ids) == 1
    with transaction(tenant.id) as session:
        assert [one.return_id for one in find(session, program.id)] == ["r-1"]


@pytest.mark.parametrize("attempt", range(8))
def test_a_return_that_races_its_purchase_s_award_ends_as_if_in_order(
    tenant: TestTenant, program: Program, attempt: int
) -> None:
    with transaction(tenant.id) as session:
        [purchase] = stored(session, program, bought("10", key="t-1"))
    [one] = sent(tenant, program, returned("t-1", amount="4"))
    acts = [lambda: judge(tenant.id, [purchase]), lambda: settle_one(tenant.id, one)]
    at_once(*(acts if attempt % 2 else reversed(acts)))
    settle_one(tenant.id, one)  # what the wake-up of the award, or the sweep, does
    assert told(tenant, one).status == "settled"
    assert left(tenant, program) == Balance(available=6)


def test_what_ends_in_the_middle_has_not_begun(tenant: TestTenant, program: Program) -> None:
    [one] = sent(tenant, program, returned(awarded(tenant, program, "10")))
    with suppress(SystemExit), transaction(tenant.id) as session:
        assert settle_return(session, one, AT) == Outcome("settled")
        raise SystemExit  # the worker is gone before its commit
    assert told(tenant, one).status == "accepted"
    assert left(tenant, program) == Balance(available=10)
    assert swept(tenant, AT + STALE_AFTER) == [one]
    settle_one(tenant.id, one)
    assert left(tenant, program) == Balance()


def test_a_lost_connection_fails_no_return(
    tenant: TestTenant, program: Program, database: Own, alone: str
) -> None:
    [one] = sent(tenant, program, returned(awarded(tenant, program, "10")))
    with transaction(tenant.id) as somebody, ThreadPoolExecutor(1) as worker:
        somebody.execute(text("SELECT FROM account FOR UPDATE"))
        settling = worker.submit(settle_one, tenant.id, one)
        end_the_connection_that_waits(database, alone)
        with pytest.raises(OperationalError, match=r"clos|terminat"):
            settling.result()
    assert told(tenant, one).status == "accepted"
    settle_one(tenant.id, one)
    assert left(tenant, program) == Balance()


def test_what_can_t_be_settled_fails_and_holds_up_nobody(
    tenant: TestTenant, program: Program
) -> None:
    bought_as = awarded(tenant, program, "10")
    good, bad = sent(tenant, program, returned(bought_as, amount="4"), returned(bought_as))
    _break(bad)
    settle_one(tenant.id, bad)
    settle_one(tenant.id, good)
    failed = told(tenant, bad)
    assert (failed.status, failed.reason) == ("failed", "InvalidOperation")
    assert swept(tenant, AT + timedelta(days=1)) == []
    assert left(tenant, program) == Balance(available=6)


def _break(give_back_id: UUID) -> None:
    """What intake never lets in: a quantity that is no number."""
    url = os.environ["DATABASE_OWNER_URL"]
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE give_back DISABLE TRIGGER give_back_append_only")
        cursor.execute(
            'UPDATE give_back SET lines = \'[["a", "many"]]\' WHERE id = %s', [str(give_back_id)]
        )
        cursor.execute("ALTER TABLE give_back ENABLE TRIGGER give_back_append_only")
    connection.close()


def swept(tenant: TestTenant, at: datetime) -> list[UUID]:
    """What one sweep re-sends of the tenant's."""
    with across_tenants() as system:
        return resend(system, at).get(tenant.id, [])


def wait_for_its_purchase(tenant: TestTenant, give_back_id: UUID) -> None:
    with transaction(tenant.id) as session:
        assert settle_return(session, give_back_id, AT) == Outcome("waiting")


def test_a_sweep_sends_what_is_open_ever_more_seldom(tenant: TestTenant, program: Program) -> None:
    [one] = sent(tenant, program, returned("t-unknown"))
    at = AT
    for factor in (1, 1, 2, 4, 8):
        wait = STALE_AFTER * factor
        assert swept(tenant, at + wait - TICK) == []
        assert swept(tenant, at + wait) == [one]
        wait_for_its_purchase(tenant, one)
        at += wait
        assert told(tenant, one).status == "waiting"


def test_a_paused_program_s_returns_are_not_swept(tenant: TestTenant, program: Program) -> None:
    sent(tenant, program, returned(awarded(tenant, program, "10")))
    with transaction(tenant.id) as session:
        pause_program(session, "wine", reason="a test", by=By("ops", None, AT))
    assert swept(tenant, AT + timedelta(days=1)) == []


def test_an_award_wakes_the_returns_that_wait_for_it(tenant: TestTenant, program: Program) -> None:
    waits, other = sent(tenant, program, returned("t-1"), returned("t-2"))
    wait_for_its_purchase(tenant, waits)
    with transaction(tenant.id) as session:
        [purchase] = stored(session, program, bought("10", key="t-1"))
    with transaction(tenant.id) as session:
        award_activities(session, [purchase], AT)
        assert session.info["woken"]["returns.settle"] == [waits]
        assert open_ids(session) == []
    assert told(tenant, other).status == "accepted"
