"""A burn takes the right points, or none."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.leave import leave
from loyalty.care.suspend import suspend
from loyalty.errors import Invalid
from loyalty.ledger.account import InsufficientPoints
from loyalty.ledger.post import post
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import NotActive, NotEnrolled, lock_membership
from loyalty.programs.queries import Program
from loyalty.programs.settings import BurnRule, ProgramSettings
from loyalty.redemption.redeem import AboveMaximum, BelowMinimum, NotAStep, Redeem, Redeemed
from tests.opened import AT, balance, give, joined, opened, redeemed


def _redeem(session: Session, program: Program, order: Redeem) -> Redeemed:
    return redeemed(session, program, order)


def _lots(session: Session) -> list[int]:
    return list(session.execute(text("SELECT remaining FROM lot ORDER BY id")).scalars())


def test_points_are_spent(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=120)
    made = _redeem(session, program, Redeem(points=100))
    assert (made.points, made.amount, made.currency) == (100, Decimal(1), "USD")
    assert made.balance == balance(session, program) == Balance(available=20)
    [row] = session.execute(text("SELECT * FROM redemption")).all()
    assert (row.id, row.status, row.points, row.amount) == (made.id, "redeemed", 100, Decimal(1))
    assert (row.actor, row.request_id, row.entry_version, row.occurred_at) == ("ann", "r1", 2, AT)


def test_an_amount_is_charged_rounded_up(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=120)
    made = _redeem(session, program, Redeem(amount=Decimal("0.1201")))
    assert (made.points, made.amount) == (13, Decimal("0.1201"))


def test_the_oldest_points_go_first(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=10)
    give(session, program, 20)
    give(session, program, 30)
    _redeem(session, program, Redeem(points=15))
    assert _lots(session) == [0, 15, 30]
    draws = session.execute(text("SELECT lot_id, points FROM lot_draw ORDER BY lot_id")).all()
    assert [tuple(one) for one in draws] == [(1, 10), (2, 5)]


def test_points_that_expire_go_before_those_that_do_not(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=10)
    _, account = lock_membership(session, program.id, "ann")
    for days in (60, 30):
        account.issue(
            Kind.AWARD,
            Bucket.ISSUED,
            10,
            cause_id=uuid4(),
            occurred_at=AT,
            expires_at=AT + timedelta(days=days),
        )
    post(session, [account], AT)
    _redeem(session, program, Redeem(points=15))
    assert _lots(session) == [10, 5, 0]


def test_expired_points_pay_for_nothing(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=10)
    _, account = lock_membership(session, program.id, "ann")
    account.issue(Kind.AWARD, Bucket.ISSUED, 10, cause_id=uuid4(), occurred_at=AT, expires_at=AT)
    post(session, [account], AT)
    with pytest.raises(InsufficientPoints) as refused:
        _redeem(session, program, Redeem(points=11))
    assert (refused.value.available, refused.value.asked) == (10, 11)
    assert _redeem(session, program, Redeem(points=10)).points == 10


def test_an_account_of_many_lots_pays_from_all_of_them(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    _, account = lock_membership(session, program.id, "ann")
    for _ in range(250):
        account.issue(Kind.AWARD, Bucket.ISSUED, 1, cause_id=uuid4(), occurred_at=AT)
    post(session, [account], AT)
    _redeem(session, program, Redeem(points=249))
    assert _lots(session) == [0] * 249 + [1]


@pytest.mark.parametrize(
    ("order", "problem", "pointer"),
    [
        (Redeem(points=99), BelowMinimum, "/points"),
        (Redeem(points=130), NotAStep, "/points"),
        (Redeem(points=550), AboveMaximum, "/points"),
        (Redeem(amount=Decimal("0.99")), BelowMinimum, "/amount"),
        (Redeem(amount=Decimal("1.0001")), NotAStep, "/amount"),
        (Redeem(amount=Decimal("5.01")), AboveMaximum, "/amount"),
    ],
)
def test_the_program_s_rule_refuses_by_name(
    session: Session, order: Redeem, problem: type[Invalid], pointer: str
) -> None:
    program = opened(session, settings=ProgramSettings(burn=BurnRule(100, 50, 500)))
    joined(session, program, points=1000)
    with pytest.raises(problem) as refused:
        _redeem(session, program, order)
    [error] = refused.value.errors
    assert (error.pointer, error.code) == (pointer, problem.code)
    assert balance(session, program) == Balance(available=1000)


def test_no_more_than_there_is_can_be_spent(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=10)
    with pytest.raises(InsufficientPoints):
        _redeem(session, program, Redeem(points=11))
    assert balance(session, program) == Balance(available=10)
    assert session.execute(text("SELECT count(*) FROM redemption")).scalar_one() == 0


def test_only_active_members_spend(session: Session) -> None:
    program = opened(session)
    with pytest.raises(NotEnrolled):
        _redeem(session, program, Redeem(points=1))
    joined(session, program, points=10)
    suspend(session, program, "ann", reason="fraud?", by=By("eve", None, AT))
    with pytest.raises(NotActive, match="suspended"):
        _redeem(session, program, Redeem(points=1))
    leave(session, program, "ann", by=By("ann", None, AT))
    with pytest.raises(NotActive, match="cancelled"):
        _redeem(session, program, Redeem(points=1))
