"""Points that are about to expire: a mail for each day on which some do, in time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.notifications import find_expiring as finding
from loyalty.notifications.find_expiring import A_ROUND_EVERY, find_expiring
from loyalty.programs.queries import Program
from tests.care.given import DAY, lot
from tests.notifications.given import noted, reached, writing
from tests.opened import AT, joined, opened


def looked(session: Session, at: datetime = AT) -> list[str]:
    """The days of which somebody is written about after a look; several members' in one list."""
    while find_expiring(session, at):
        pass
    return [one.data["last_day"] for one in noted(session)]


@pytest.fixture
def program(session: Session) -> Program:
    """A program that tells 30 days before; Ann is in it."""
    program = writing(session, expiring_days=30)
    reached(session, program)
    return program


def test_one_for_each_day_within_the_time(session: Session, program: Program) -> None:
    for days in (1, 10, 10, 30, 31, 400):
        lot(session, program, 5, expires_in=days)
    lot(session, program, 5)
    lot(session, program, 5, expires_in=20, activates_in=10)
    assert looked(session) == ["2026-07-02", "2026-07-11", "2026-07-31"]


def test_the_next_round_finds_what_came_meanwhile_and_nothing_twice(
    session: Session, program: Program
) -> None:
    lot(session, program, 5, expires_in=10)
    lot(session, program, 5, expires_in=31)
    assert looked(session) == ["2026-07-11"]
    lot(session, program, 5, expires_in=5)
    assert looked(session, AT + A_ROUND_EVERY - timedelta(seconds=1)) == ["2026-07-11"]
    assert looked(session, AT + A_ROUND_EVERY) == ["2026-07-11", "2026-07-06"]
    assert looked(session, AT + DAY) == ["2026-07-11", "2026-07-06", "2026-08-01"]


def test_a_round_goes_on_where_it_was(
    session: Session, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "LOTS_A_BATCH", 3)
    for days in range(1, 9):
        lot(session, program, 5, expires_in=days)
    assert find_expiring(session, AT)
    assert len(noted(session)) == 3
    assert find_expiring(session, AT + timedelta(hours=5))  # the round is not over: no new one
    assert not find_expiring(session, AT)
    assert len(noted(session)) == 8
    assert not find_expiring(session, AT)


def test_who_is_not_active_is_not_written_to(session: Session, program: Program) -> None:
    lot(session, program, 5, expires_in=10)
    session.execute(text("UPDATE membership SET status = 'suspended'"))
    assert looked(session) == []


def test_each_program_in_its_own_time(session: Session, program: Program) -> None:
    soon, quiet = writing(session, "soon", expiring_days=3), opened(session, "quiet")
    for one in (soon, quiet):
        joined(session, one)
        lot(session, one, 5, expires_in=3)
        lot(session, one, 5, expires_in=4)
    assert looked(session) == ["2026-07-04"]
