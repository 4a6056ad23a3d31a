"""A sandbox has a clock of its own; a live tenant has the world's, and is not asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from loyalty.audit.queries import records
from loyalty.clock import now, wall_clock
from loyalty.db import Role, engine
from loyalty.tenants.advance_clock import ClockTooFar, NotASandbox, advance_clock, clock_of
from loyalty.tenants.rules import Duration
from loyalty.transaction import across_tenants, present, transaction
from tests.tenant import TestTenant, fresh_tenant

MONTH = Duration(0, timedelta(days=30))
SOON = timedelta(seconds=10)


@pytest.fixture
def sandbox(database: object) -> TestTenant:
    """A sandbox whose clock is the world's so far."""
    del database
    with across_tenants() as session:
        return fresh_tenant(session, sandbox=True)


def _advance(session: Session, by: Duration = MONTH) -> timedelta:
    return advance_clock(session, by, actor="eve", request_id=None).ahead


@contextmanager
def _statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def see(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(engine(Role.APP), "before_cursor_execute", see)
    yield seen
    event.remove(engine(Role.APP), "before_cursor_execute", see)


def test_a_sandbox_lives_by_its_own_clock(sandbox: TestTenant, tenant: TestTenant) -> None:
    assert present(sandbox.id) - wall_clock() < SOON
    with transaction(sandbox.id) as session:
        _advance(session)
        assert _advance(session) == timedelta(days=60)
        assert timedelta(0) <= now(session) - wall_clock() - timedelta(days=60) + SOON < 2 * SOON
    assert present(sandbox.id) - wall_clock() > timedelta(days=60) - SOON
    assert abs(present(tenant.id) - wall_clock()) < SOON


def test_a_live_tenant_is_asked_once_for_ever(tenant: TestTenant) -> None:
    present(tenant.id)
    with _statements() as seen:
        present(tenant.id)
        with transaction(tenant.id) as session:
            now(session)
            now(session)
    assert not [statement for statement in seen if "clock_offset" in statement]


def test_a_live_clock_cannot_be_moved(tenant: TestTenant) -> None:
    with pytest.raises(NotASandbox), transaction(tenant.id) as session:
        _advance(session)
    with transaction(tenant.id) as session:
        assert clock_of(session).ahead == timedelta(0)


def test_a_clock_goes_only_so_far(sandbox: TestTenant) -> None:
    with pytest.raises(ClockTooFar), transaction(sandbox.id) as session:
        _advance(session, Duration(12 * 9000, timedelta(0)))
    with transaction(sandbox.id) as session:
        _advance(session, Duration(12 * 99, timedelta(0)))
        with pytest.raises(ClockTooFar):
            _advance(session, Duration(12 * 2, timedelta(0)))


def test_who_moved_it_is_written_down(sandbox: TestTenant) -> None:
    with transaction(sandbox.id) as session:
        _advance(session)
        [told] = records(session, None, 5)
    assert (told.act, told.actor) == ("test_clock.advance", "eve")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("clock_offset = '0'", "only goes forward"),
        ("sandbox = false", "permission denied"),
    ],
)
def test_postgres_itself_refuses_to_turn_it_back(
    sandbox: TestTenant, change: str, says: str
) -> None:
    with transaction(sandbox.id) as session:
        _advance(session)
    with pytest.raises(DBAPIError, match=says), transaction(sandbox.id) as session:
        session.execute(text(f"UPDATE tenant SET {change}"))


def test_postgres_itself_keeps_a_live_tenant_in_the_world(tenant: TestTenant) -> None:
    with pytest.raises(DBAPIError, match="check"), transaction(tenant.id) as session:
        session.execute(text("UPDATE tenant SET clock_offset = '1 day'"))
