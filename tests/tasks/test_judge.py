"""One purchase that can't be judged does not hold up the others; nobody fails for a lost server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from loyalty.earning.claim import ALONE_FROM, MOST_CLAIMS_ALONE, count_claim_alone
from loyalty.earning.parking import reopen
from loyalty.ledger.rules import Balance
from loyalty.programs.queries import Program
from loyalty.tasks.earning import judge
from loyalty.transaction import transaction
from tests.earning.given import awarded, bought, open_ids, setback, status, stored
from tests.elsewhere import end_the_connection_that_waits
from tests.opened import AT, balance, joined, opened
from tests.servers import Own
from tests.tenant import TestTenant

pytestmark = pytest.mark.usefixtures("alone")
#: What intake never lets in: the tax is no number.
BROKEN = {"tax": "a lot"}


@pytest.fixture
def program(tenant: TestTenant) -> Program:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        return program


def accepted(tenant: TestTenant, program: Program, count: int = 1, poison: int = -1) -> list[UUID]:
    """Purchases worth 1 point each; the one numbered `poison` can't be judged."""
    earns = [bought("1", body=BROKEN if one == poison else None) for one in range(count)]
    with transaction(tenant.id) as session:
        return stored(session, program, *earns)


def resent(tenant: TestTenant, tries: int, claims: int = 0) -> None:
    with transaction(tenant.id) as session:
        session.execute(
            text("UPDATE unsettled SET tries = :tries, claims = :claims"),
            {"tries": tries, "claims": claims},
        )


@pytest.mark.parametrize(("count", "poison"), [(1, 0), (2, 0), (2, 1), (37, 20), (200, 199)])
def test_only_the_culprit_fails(
    tenant: TestTenant, program: Program, count: int, poison: int
) -> None:
    ids = accepted(tenant, program, count, poison)
    judge(tenant.id, ids)
    with transaction(tenant.id) as session:
        assert setback(session, ids[poison]) == ("failed", "InvalidOperation")
        assert open_ids(session) == []
        assert balance(session, program) == Balance(available=count - 1)


def test_several_culprits_fail_each_by_itself(tenant: TestTenant, program: Program) -> None:
    poison = [accepted(tenant, program, poison=0)[0] for _ in range(3)]
    healthy = accepted(tenant, program, 20)
    judge(tenant.id, [*poison, *healthy])
    with transaction(tenant.id) as session:
        assert {setback(session, one)[0] for one in poison} == {"failed"}
        assert balance(session, program) == Balance(available=20)


def test_a_culprit_that_was_only_topped_up_fails_when_it_is_named(
    tenant: TestTenant, program: Program
) -> None:
    [poison] = accepted(tenant, program, poison=0)
    healthy = accepted(tenant, program, 3)
    judge(tenant.id, healthy)
    with transaction(tenant.id) as session:
        assert open_ids(session) == [poison]
        assert balance(session, program) == Balance(available=3)
    judge(tenant.id, [poison])
    with transaction(tenant.id) as session:
        assert setback(session, poison)[0] == "failed"


def _publish(database: Own, name: str, program: Program, step: str) -> None:
    """Past the guard: nobody else can change what was published."""
    connection = psycopg2.connect(database.postgres.superuser_url(name))
    with connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE promotion_version v"
            " SET rule = jsonb_set(rule, '{step}', to_jsonb(CAST(%(step)s AS text)))"
            " FROM promotion p WHERE p.id = v.promotion_id AND p.program_id = %(program)s",
            {"step": step, "program": program.id},
        )
    connection.close()


def test_a_broken_rule_fails_its_own_programs_purchases_which_can_be_tried_again(
    tenant: TestTenant, program: Program, database: Own, alone: str
) -> None:
    with transaction(tenant.id) as session:
        broken = opened(session, "air")
        joined(session, broken)
    _publish(database, alone, broken, "ounces")
    theirs = [*accepted(tenant, broken, 2)]
    ours = accepted(tenant, program, 2)
    judge(tenant.id, [*theirs, *ours])
    with transaction(tenant.id) as session:
        assert {setback(session, one) for one in theirs} == {("failed", "Invalid")}
        assert {status(session, one) for one in ours} == {"awarded"}
    _publish(database, alone, broken, "whole")
    with transaction(tenant.id) as session:
        assert reopen(session, theirs, AT) == 2
    judge(tenant.id, theirs)
    with transaction(tenant.id) as session:
        assert balance(session, broken) == balance(session, program) == Balance(available=2)


def test_what_a_constraint_refuses_fails_alone(tenant: TestTenant, program: Program) -> None:
    """An award that is there already, of a purchase that is open: a book that is broken."""
    good, twice = accepted(tenant, program, 2)
    with transaction(tenant.id) as session:
        session.execute(
            text(
                "INSERT INTO award (tenant_id, program_id, activity_id, account_id,"
                " account_version, entries, points, awarded_at, explanation)"
                " SELECT tenant_id, program_id, id, 1, 0, 0, 0, recorded_at, '{}'"
                " FROM activity WHERE id = :id"
            ),
            {"id": twice},
        )
    judge(tenant.id, [good, twice])
    with transaction(tenant.id) as session:
        assert setback(session, twice) == ("failed", "IntegrityError")
        told: str = session.execute(text("SELECT detail FROM setback")).scalar_one()
        assert told == 'duplicate key value violates unique constraint "award_pkey"'
        assert balance(session, program) == Balance(available=1)


def test_a_lock_that_is_held_too_long_fails_nobody(tenant: TestTenant, program: Program) -> None:
    ids = accepted(tenant, program, 2)
    resent(tenant, ALONE_FROM)
    with transaction(tenant.id) as somebody:
        somebody.execute(text("SELECT FROM account FOR UPDATE"))
        with pytest.raises(OperationalError, match="lock timeout"):
            judge(tenant.id, ids[:1])
    with transaction(tenant.id) as session:
        assert open_ids(session) == ids
        assert session.execute(text("SELECT tries, claims FROM unsettled")).all() == [(3, 0)] * 2
    judge(tenant.id, ids)
    with transaction(tenant.id) as session:
        assert balance(session, program) == Balance(available=2)


def test_a_lost_connection_fails_nobody(
    tenant: TestTenant, program: Program, database: Own, alone: str
) -> None:
    ids = accepted(tenant, program, 3)
    with transaction(tenant.id) as somebody, ThreadPoolExecutor(1) as worker:
        somebody.execute(text("SELECT FROM account FOR UPDATE"))
        judging = worker.submit(judge, tenant.id, ids)
        end_the_connection_that_waits(database, alone)
        with pytest.raises(OperationalError, match=r"clos|terminat"):
            judging.result()
    with transaction(tenant.id) as session:
        assert open_ids(session) == ids
    judge(tenant.id, ids)
    with transaction(tenant.id) as session:
        assert balance(session, program) == Balance(available=3)


def test_a_row_that_goes_alone_takes_no_others_along(tenant: TestTenant, program: Program) -> None:
    [often] = accepted(tenant, program)
    resent(tenant, ALONE_FROM)
    others = accepted(tenant, program, 2)
    judge(tenant.id, [often])
    with transaction(tenant.id) as session:
        assert open_ids(session) == others
    judge(tenant.id, others[:1])
    with transaction(tenant.id) as session:
        assert open_ids(session) == []


def test_a_row_that_ended_five_workers_is_failed(tenant: TestTenant, program: Program) -> None:
    [killer] = accepted(tenant, program)
    resent(tenant, ALONE_FROM)
    for lost in range(1, MOST_CLAIMS_ALONE + 1):  # as many workers died after this was committed
        with transaction(tenant.id) as session:
            assert count_claim_alone(session, killer) == lost
    judge(tenant.id, [killer])
    with transaction(tenant.id) as session:
        assert setback(session, killer) == ("failed", "worker_lost")
        assert balance(session, program) == Balance()


def test_the_fifth_claim_may_still_succeed(tenant: TestTenant, program: Program) -> None:
    [unlucky] = accepted(tenant, program)
    resent(tenant, ALONE_FROM, MOST_CLAIMS_ALONE - 1)
    judge(tenant.id, [unlucky])
    with transaction(tenant.id) as session:
        assert awarded(session, unlucky) == 1
