"""What is open for seconds is sent again: later and later, and in the end alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.claim import ALONE_FROM, MOST_AT_ONCE
from loyalty.earning.sweep import STALE_AFTER, resend
from loyalty.programs.pause import pause_program
from loyalty.programs.queries import Program
from loyalty.transaction import across_tenants, transaction
from tests.earning.given import bought, stored
from tests.opened import AT, opened
from tests.tenant import TestTenant

pytestmark = pytest.mark.usefixtures("alone")
TICK = timedelta(microseconds=1)


@pytest.fixture
def program(tenant: TestTenant) -> Program:
    with transaction(tenant.id) as session:
        return opened(session)


def accepted(tenant: TestTenant, program: Program, count: int = 1) -> list[UUID]:
    with transaction(tenant.id) as session:
        return stored(session, program, *(bought(key=str(number)) for number in range(count)))


def swept(tenant: TestTenant, at: datetime) -> list[list[UUID]]:
    """The wake-ups of one sweep that are the tenant's."""
    with across_tenants() as system:
        return [ids for tenant_id, ids in resend(system, at) if tenant_id == tenant.id]


def tried(tenant: TestTenant, tries: int) -> None:
    with transaction(tenant.id) as session:
        session.execute(text("UPDATE unsettled SET tries = :tries"), {"tries": tries})


def test_what_is_fresh_is_left_alone(tenant: TestTenant, program: Program) -> None:
    [purchase] = accepted(tenant, program)
    assert swept(tenant, AT + STALE_AFTER - TICK) == []
    assert swept(tenant, AT + STALE_AFTER) == [[purchase]]
    with transaction(tenant.id) as session:
        row = session.execute(text("SELECT tries, claims, sent_at FROM unsettled")).one()
    assert tuple(row) == (1, 0, AT + STALE_AFTER)


def test_each_resend_but_the_second_waits_longer_than_the_one_before(
    tenant: TestTenant, program: Program
) -> None:
    [purchase] = accepted(tenant, program)
    at = AT
    for tries in range(12):
        wait = STALE_AFTER * max(1, min(tries, 9))
        assert swept(tenant, at + wait - TICK) == []
        assert swept(tenant, at + wait) == [[purchase]]
        at += wait


def test_a_wake_up_carries_at_most_a_batch_oldest_first(
    tenant: TestTenant, program: Program
) -> None:
    ids = accepted(tenant, program, 450)
    wake_ups = swept(tenant, AT + STALE_AFTER)
    assert [len(one) for one in wake_ups] == [MOST_AT_ONCE, MOST_AT_ONCE, 50]
    assert [one for wake_up in wake_ups for one in wake_up] == ids


def test_what_was_resent_often_goes_alone(tenant: TestTenant, program: Program) -> None:
    ids = accepted(tenant, program, 3)
    tried(tenant, ALONE_FROM - 1)
    assert swept(tenant, AT + timedelta(minutes=1)) == [[one] for one in ids]


def test_a_paused_program_is_not_swept(tenant: TestTenant, program: Program) -> None:
    accepted(tenant, program)
    with transaction(tenant.id) as session:
        pause_program(session, "wine", reason="a test", by=By("ops", None, AT))
    assert swept(tenant, AT + timedelta(days=1)) == []


def test_two_sweeps_at_once_are_one(tenant: TestTenant, program: Program) -> None:
    [purchase] = accepted(tenant, program)
    later = AT + STALE_AFTER
    with across_tenants() as one, across_tenants() as other:
        assert (tenant.id, [purchase]) in resend(one, later)
        assert resend(other, later) == []
    assert swept(tenant, later) == []


def test_a_row_that_is_being_judged_is_not_waited_for(tenant: TestTenant, program: Program) -> None:
    judged, waits = accepted(tenant, program, 2)
    with transaction(tenant.id) as worker:
        _lock(worker, judged)
        assert swept(tenant, AT + STALE_AFTER) == [[waits]]
    assert swept(tenant, AT + STALE_AFTER) == [[judged]]


def _lock(session: Session, activity_id: UUID) -> None:
    session.execute(
        text("SELECT FROM unsettled WHERE activity_id = :id FOR UPDATE"), {"id": activity_id}
    )
