"""What time has done is told, whether or not anybody has written it yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from loyalty.ledger.due import settle_due
from loyalty.ledger.post import post
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import lock_membership
from loyalty.people.answer import Expiring, member_answer
from loyalty.people.statement import balance_at, statement
from loyalty.programs.queries import Program
from tests.opened import AT, joined, opened

DAY = timedelta(days=1)
days = st.none() | st.integers(1, 9)


@pytest.fixture
def program(session: Session) -> Program:
    return opened(session)


def _issue(
    session: Session, program: Program, who: str, points: int, *, from_day: int | None, days: object
) -> None:
    """Points awarded at AT that can be spent from a day on, and expire `days` after that."""
    _, account = lock_membership(session, program.id, who)
    since = AT + (from_day or 0) * DAY
    account.issue(
        Kind.AWARD,
        Bucket.ISSUED,
        points,
        cause_id=uuid4(),
        occurred_at=AT,
        activates_at=None if from_day is None else since,
        expires_at=since + days * DAY if isinstance(days, int) else None,
    )
    post(session, [account], AT)


def _told(session: Session, program: Program, who: str, at: datetime) -> tuple[Balance, object]:
    answer = member_answer(session, program, who, at)
    points = answer.points
    return Balance(points.pending, points.available, points.held, points.owed), answer.expiring


def test_pending_points_are_available_from_their_instant_on(
    session: Session, program: Program
) -> None:
    joined(session, program)
    _issue(session, program, "ann", 10, from_day=3, days=5)
    _issue(session, program, "ann", 7, from_day=None, days=4)
    soon, later = Expiring(7, AT + 4 * DAY), Expiring(10, AT + 8 * DAY)
    instant = timedelta(microseconds=1)
    for at, balance, expiring in (
        (AT, Balance(10, 7), [soon]),
        (AT + 3 * DAY - instant, Balance(10, 7), [soon]),
        (AT + 3 * DAY, Balance(0, 17), [soon, later]),
        (AT + 4 * DAY, Balance(0, 10), [later]),
        (AT + 8 * DAY, Balance(), []),
    ):
        assert _told(session, program, "ann", at) == (balance, expiring)


@given(
    issued=st.lists(st.tuples(st.integers(1, 50), days, days), max_size=6),
    waited=st.integers(0, 20),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_read_tells_the_same_before_and_after_it_is_written(
    session: Session,
    program: Program,
    issued: Sequence[tuple[int, int | None, int | None]],
    waited: int,
) -> None:
    who = uuid4().hex
    joined(session, program, who)
    for points, from_day, lives in issued:
        _issue(session, program, who, points, from_day=from_day, days=lives)
    at = AT + waited * DAY

    def told() -> tuple[Balance, object, Sequence[Balance]]:
        known = [
            balance_at(session, program, who, at, as_of=AT + day * DAY, known_at=at)
            for day in range(waited + 1)
        ]
        return *_told(session, program, who, at), known

    before = told()
    _, account = lock_membership(session, program.id, who)
    settle_due(session, [account], at)
    assert told() == before
    assert account.balance == before[0]


def test_what_was_known_before_it_was_written_does_not_change(
    session: Session, program: Program
) -> None:
    joined(session, program)
    _issue(session, program, "ann", 10, from_day=None, days=1)
    later = AT + 5 * DAY
    for _ in range(2):
        then = balance_at(session, program, "ann", later, as_of=later, known_at=AT + 2 * DAY)
        assert then == Balance(available=10)
        now = balance_at(session, program, "ann", later, as_of=later, known_at=later)
        assert now == Balance()
        _, account = lock_membership(session, program.id, "ann")
        settle_due(session, [account], later)


def test_the_statement_tells_what_time_did(session: Session, program: Program) -> None:
    joined(session, program)
    _issue(session, program, "ann", 10, from_day=1, days=1)
    _, account = lock_membership(session, program.id, "ann")
    settle_due(session, [account], AT + 5 * DAY)
    lines = statement(session, program, "ann", before=None, limit=2)
    assert [(one.text, one.change, one.occurred_at) for one in lines] == [
        ("10 points expired", {"available": -10}, AT + 2 * DAY),
        ("10 points can be spent now", {"pending": -10, "available": 10}, AT + DAY),
    ]
