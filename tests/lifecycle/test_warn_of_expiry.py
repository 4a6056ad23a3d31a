"""Points that expire soon are told of once: together when they expire together."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.clock import wall_clock
from loyalty.ledger.post import lock_accounts, post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.lifecycle.move_due import Place
from loyalty.lifecycle.warn_of_expiry import AHEAD, warn_of_expiry
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.redemption.redeem import Redeem
from loyalty.tasks import expiry
from loyalty.transaction import transaction
from tests.opened import AT, joined, opened, redeemed
from tests.tenant import TestTenant

_DAY = timedelta(days=1)


def _issue(
    session: Session, program: Program, points: int, expires_at: datetime | None, name: str = "ann"
) -> None:
    account_id = membership_of(session, program.id, name).account_id
    account = lock_accounts(session, [account_id])[account_id]
    account.issue(
        Kind.AWARD,
        Bucket.ISSUED,
        points,
        cause_id=uuid4(),
        occurred_at=AT,
        expires_at=expires_at,
    )
    post(session, [account], AT)


def _round(session: Session, at: datetime = AT, most: int = 100) -> None:
    place: Place | None = Place()
    while place is not None:
        place = warn_of_expiry(session, place, at, most=most)


def _told(session: Session) -> list[tuple[str, Any, Any]]:
    rows = session.execute(
        text("SELECT subject, data FROM event WHERE type = 'points.expiring_soon' ORDER BY seq")
    )
    return [(row.subject, row.data["points"], row.data["expires_at"]) for row in rows]


@pytest.mark.parametrize("most", [1, 2, 100])
def test_what_expires_together_is_told_once(session: Session, most: int) -> None:
    program = opened(session)
    joined(session, program)
    joined(session, program, "bob")
    soon, later = AT + 10 * _DAY, AT + 20 * _DAY
    for points, expires_at, name in (
        (5, soon, "ann"),
        (7, soon, "ann"),
        (9, later, "ann"),
        (11, soon, "bob"),
        (13, None, "bob"),
        (15, AT + AHEAD + _DAY, "bob"),
        (17, AT, "bob"),
    ):
        _issue(session, program, points, expires_at, name)
    _round(session, most=most)
    _round(session, most=most)
    assert _told(session) == [
        ("member ann", 12, soon.isoformat()),
        ("member bob", 11, soon.isoformat()),
        ("member ann", 9, later.isoformat()),
    ]


def test_what_is_made_late_is_told_of_in_the_next_round(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    _issue(session, program, 5, AT + 20 * _DAY)
    _round(session)
    _issue(session, program, 6, AT + 10 * _DAY)
    _round(session)
    assert [points for _, points, _ in _told(session)] == [5, 6]


def test_what_is_left_of_them_is_told(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    _issue(session, program, 50, AT + 10 * _DAY)
    redeemed(session, program, Redeem(points=20))
    _round(session)
    assert [points for _, points, _ in _told(session)] == [30]


def test_warnings_of_the_past_are_forgotten(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    _issue(session, program, 5, AT + 10 * _DAY)
    _round(session)
    count = text("SELECT count(*) FROM expiry_warning")
    assert session.scalar(count) == 1
    _round(session, AT + 10 * _DAY)
    assert session.scalar(count) == 1
    _round(session, AT + 12 * _DAY)
    assert session.scalar(count) == 0


def test_ticks_at_once_tell_once(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        for number in range(20):
            joined(session, program, f"m-{number}")
            _issue(session, program, 5, wall_clock() + 10 * _DAY, f"m-{number}")
    threads = [threading.Thread(target=expiry.warn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expiry.warn()
    with transaction(tenant.id) as session:
        assert sorted(who for who, *_ in _told(session)) == sorted(
            f"member m-{number}" for number in range(20)
        )
