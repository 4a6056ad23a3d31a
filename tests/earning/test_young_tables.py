"""A young database has no statistics, and plans that were made while it was empty: then too a
batch reads what it needs, however many members, counters and open purchases there are."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.book import open_book
from bench.promotions import in_force
from bench.purchases import earn_of, purchase
from loyalty.clock import wall_clock
from loyalty.earning.accept import accept, to_row
from loyalty.earning.award import award_activities
from loyalty.earning.claim import MOST_AT_ONCE
from loyalty.transaction import across_tenants, transaction
from tests.tenant import TestTenant, fresh_tenant

pytestmark = pytest.mark.usefixtures("alone")
MEMBERS, BACKLOG = 3_000, 5 * MOST_AT_ONCE
#: Rows that a purchase costs: its own, its member's, those of limits and of the past.
MOST_ROWS_EACH = 20
_READ = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")


def _opened(session: Session, members: int) -> int:
    program_id = open_book(session, members)
    in_force(session, program_id)
    return program_id


def _taken(session: Session, program_id: int, count: int, members: int) -> None:
    at = wall_clock()
    told = [to_row(program_id, earn_of(purchase(members)), None, at) for _ in range(count)]
    accept(session, told)


def _rows_of_a_batch(tenant: TestTenant) -> int:
    with transaction(tenant.id) as session:
        before = session.scalars(_READ).one()
        judged = award_activities(session, [], wall_clock())
        read = session.scalars(_READ).one() - before
    assert len(judged.awards) == MOST_AT_ONCE
    return int(read)


def test_a_batch_reads_no_more_than_it_needs() -> None:
    with across_tenants() as session:
        first_tenant, tenant = fresh_tenant(session), fresh_tenant(session)
    with transaction(first_tenant.id) as session:
        program_id = _opened(session, members=1)
        _taken(session, program_id, 2, members=1)
    with transaction(first_tenant.id) as session:
        assert award_activities(session, [], wall_clock()).count == 2
    with transaction(tenant.id) as session:
        program_id = _opened(session, MEMBERS)
        _taken(session, program_id, BACKLOG, MEMBERS)
    for _ in range(BACKLOG // MOST_AT_ONCE):
        assert _rows_of_a_batch(tenant) < MOST_ROWS_EACH * MOST_AT_ONCE
