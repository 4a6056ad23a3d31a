"""Points that wait are released, once, by somebody who says so."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.award import award_activities
from loyalty.ids import uuid7
from loyalty.ledger.lots import COLUMNS, lot_of
from loyalty.ledger.rules import Balance, Lot
from loyalty.lifecycle.activate import NothingPending, activate_earn
from loyalty.programs.life_of_points import NEVER, Expiry, Pending
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from loyalty.redemption.redeem import Redeem
from tests.earning.given import bought, stored
from tests.opened import AT, balance, joined, opened, redeemed

DAY = timedelta(days=1)


def _earned(
    session: Session, expiry: Expiry = NEVER, pending: Pending | None = None
) -> tuple[Program, UUID]:
    """Ann has bought for 100, and her points wait to be released."""
    waits = pending or Pending(None, "released")
    program = opened(session, settings=ProgramSettings(pending=waits, expiry=expiry))
    joined(session, program)
    [earn] = stored(session, program, bought("100"))
    award_activities(session, [earn], AT)
    return program, earn


def _release(session: Session, earn: UUID, days: int = 1) -> int:
    at = AT + days * DAY
    return activate_earn(session, earn, by=By("eve", "r1", at))


def _lot(session: Session) -> Lot:
    return lot_of(session.execute(text(f"SELECT {COLUMNS} FROM lot")).one())


@pytest.mark.parametrize(
    ("expiry", "expires_at", "idle_days"),
    [
        (NEVER, None, None),
        (Expiry("days", 30), AT + 31 * DAY, None),
        (Expiry("inactivity", 30), AT.replace(hour=0) + 32 * DAY, 30),
    ],
)
def test_what_is_released_lives_from_then_on(
    session: Session, expiry: Expiry, expires_at: object, idle_days: int | None
) -> None:
    program, earn = _earned(session, expiry)
    assert balance(session, program) == Balance(pending=100)
    assert _release(session, earn) == 100
    assert balance(session, program) == Balance(available=100)
    lot = _lot(session)
    assert (lot.active, lot.expires_at, lot.idle_days) == (True, expires_at, idle_days)


def test_what_was_released_can_be_spent(session: Session) -> None:
    program, earn = _earned(session)
    _release(session, earn)
    redeemed(session, program, Redeem(points=60), at=AT + DAY)
    assert balance(session, program) == Balance(available=40)


def test_what_has_a_date_and_is_released_before_keeps_its_expiry(session: Session) -> None:
    _, earn = _earned(session, Expiry("days", 30), Pending(days=10))
    _release(session, earn)
    assert _lot(session).expires_at == AT + 40 * DAY


@pytest.mark.parametrize("days", [10, 50])
def test_what_has_become_available_by_itself_is_not_released(session: Session, days: int) -> None:
    _, earn = _earned(session, Expiry("days", 30), Pending(days=10))
    with pytest.raises(NothingPending):
        _release(session, earn, days)


def test_released_twice_or_never_earned_is_refused(session: Session) -> None:
    program, earn = _earned(session)
    _release(session, earn)
    [open_still] = stored(session, program, bought("100"))
    for nothing in (earn, open_still, uuid7()):
        with pytest.raises(NothingPending):
            _release(session, nothing)
    assert balance(session, program) == Balance(available=100)


def test_who_released_is_kept(session: Session) -> None:
    _, earn = _earned(session)
    _release(session, earn)
    row = session.execute(
        text("SELECT actor, subject, after, request_id FROM audit_record WHERE act = :act"),
        {"act": "earn.activate"},
    ).one()
    assert tuple(row) == ("eve", f"earn {earn}", {"points": 100}, "r1")
