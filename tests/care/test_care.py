"""What people do for a member: adjust, suspend, reinstate; and leaving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.care.adjust import Adjust, Adjusted, adjust
from loyalty.care.leave import leave
from loyalty.care.suspend import reinstate, suspend
from loyalty.earning.award import award_activities
from loyalty.ledger.account import AccountFull, InsufficientPoints
from loyalty.ledger.post import post
from loyalty.ledger.rules import MAX_POINTS, Balance, Bucket, Kind
from loyalty.members.queries import NotActive, NotEnrolled, lock_membership, membership_of
from loyalty.programs.queries import Program
from loyalty.redemption.redeem import Redeem
from loyalty.redemption.release import release
from tests.campaigns.given import running
from tests.care.given import entries_on, lot
from tests.earning.given import bought, open_ids, stored
from tests.opened import AT, balance, give, joined, opened, redeemed


@pytest.fixture
def program(session: Session) -> Program:
    return opened(session)


def _adjust(session: Session, program: Program, points: int) -> Adjusted:
    return adjust(session, program, "ann", Adjust(points, "sorry"), by=By("eve", "r1", AT))


def _tier(session: Session, program: Program) -> str:
    return membership_of(session, program.id, "ann").tier_key


def _leave(session: Session, program: Program) -> None:
    leave(session, program, "ann", by=By("ann", None, AT))


def _open_lots(session: Session, program: Program) -> list[tuple[int, bool]]:
    account = membership_of(session, program.id, "ann").account_id
    rows = session.execute(
        text("SELECT remaining, active FROM lot WHERE account_id = :id AND open ORDER BY id"),
        {"id": account},
    )
    return [(row.remaining, row.active) for row in rows]


def test_an_adjustment_says_what_why_and_who(session: Session, program: Program) -> None:
    joined(session, program)
    made = _adjust(session, program, 5)
    assert (made.points, made.reason, made.balance) == (5, "sorry", Balance(available=5))
    [row] = session.execute(text("SELECT * FROM adjustment")).all()
    assert (row.id, row.points, row.reason, row.actor) == (made.id, 5, "sorry", "eve")
    assert (row.request_id, row.entry_version, row.occurred_at) == ("r1", 1, AT)


@pytest.mark.parametrize(
    ("points", "tier"),
    [
        (499, "basic"),
        (500, "gold"),
        (501, "gold"),
        (999, "gold"),
        (1000, "platinum"),
        (2**31 - 1, "platinum"),
        (MAX_POINTS, "platinum"),
    ],
)
def test_points_given_raise_the_tier_at_once(
    session: Session, program: Program, points: int, tier: str
) -> None:
    joined(session, program)
    _adjust(session, program, points)
    assert _tier(session, program) == tier
    assert balance(session, program) == Balance(available=points)


def test_points_taken_leave_the_tier(session: Session, program: Program) -> None:
    joined(session, program, points=600)
    _adjust(session, program, -600)
    assert _tier(session, program) == "gold"
    assert balance(session, program) == Balance()


def test_no_more_than_there_is_can_be_taken(session: Session, program: Program) -> None:
    joined(session, program, points=10)
    with pytest.raises(InsufficientPoints) as refused:
        _adjust(session, program, -11)
    assert (refused.value.available, refused.value.asked) == (10, 11)


def test_a_full_account_takes_no_more(session: Session, program: Program) -> None:
    joined(session, program, points=MAX_POINTS)
    with pytest.raises(AccountFull):
        _adjust(session, program, 1)


def test_only_members_are_adjusted(session: Session, program: Program) -> None:
    with pytest.raises(NotEnrolled):
        _adjust(session, program, 1)
    joined(session, program)
    _leave(session, program)
    with pytest.raises(NotActive):
        _adjust(session, program, 1)


def test_who_leaves_loses_what_they_had(session: Session, program: Program) -> None:
    joined(session, program, points=120)
    give(session, program, 30)
    give(session, program, -20)
    _leave(session, program)
    assert membership_of(session, program.id, "ann").status == "cancelled"
    assert balance(session, program) == Balance()
    assert _open_lots(session, program) == []
    last = session.execute(
        text("SELECT kind, from_bucket, to_bucket, points FROM entry ORDER BY version DESC LIMIT 1")
    ).one()
    assert tuple(last) == ("forfeit", "available", "forfeited", 130)


def test_what_is_pending_reverses_and_what_is_owed_stays(
    session: Session, program: Program
) -> None:
    joined(session, program, points=120)
    _, account = lock_membership(session, program.id, "ann")
    cause, soon = uuid4(), AT + timedelta(days=1)
    account.issue(Kind.AWARD, Bucket.ISSUED, 40, cause_id=cause, occurred_at=AT, activates_at=soon)
    account.move(Kind.REVERSE, Bucket.OWED, Bucket.REVERSED, 7, cause_id=cause, occurred_at=AT)
    post(session, [account], AT)
    assert balance(session, program) == Balance(pending=40, available=120, owed=7)
    _leave(session, program)
    assert balance(session, program) == Balance(owed=7)
    assert _open_lots(session, program) == []


def test_leaving_twice_changes_nothing(session: Session, program: Program) -> None:
    joined(session, program, points=1)
    _leave(session, program)
    _leave(session, program)
    assert session.execute(text("SELECT count(*) FROM entry")).scalar_one() == 2
    assert [one.act for one in records(session, None, 10)].count("member.leave") == 1


def test_who_never_joined_cannot_leave(session: Session, program: Program) -> None:
    with pytest.raises(NotEnrolled):
        _leave(session, program)


def test_suspend_and_reinstate_are_written_down_once(session: Session, program: Program) -> None:
    joined(session, program)
    for verb, status in ((suspend, "suspended"), (reinstate, "active")):
        for _ in range(2):
            verb(session, program, "ann", reason="fraud?", by=By("eve", None, AT))
            assert membership_of(session, program.id, "ann").status == status
    told = [(one.act, one.reason, one.actor) for one in records(session, None, 2)]
    assert told == [("member.reinstate", "fraud?", "eve"), ("member.suspend", "fraud?", "eve")]


def test_who_has_left_is_not_suspended(session: Session, program: Program) -> None:
    joined(session, program)
    _leave(session, program)
    with pytest.raises(NotActive):
        suspend(session, program, "ann", reason="x", by=By("eve", None, AT))


def test_a_mistake_of_all_points_that_was_taken_back_leaves_an_account_that_earns(
    session: Session,
) -> None:
    program = opened(session)
    joined(session, program)
    give(session, program, MAX_POINTS)
    give(session, program, -MAX_POINTS)
    give(session, program, 1)
    assert balance(session, program) == Balance(available=1)


def test_what_is_held_and_waits_ends_with_leaving_and_is_due_first(
    session: Session, program: Program
) -> None:
    joined(session, program)
    lot(session, program, 10)
    lot(session, program, 20, expires_in=-1)
    lot(session, program, 30, activates_in=-1)
    lot(session, program, 40, activates_in=2)
    redeemed(session, program, Redeem(15, hold_s=999))
    _leave(session, program)
    assert balance(session, program) == Balance()
    kinds = [
        (kind, points) for kind, _, _, points in entries_on(session, _account(session, program))
    ]
    assert kinds[4:] == [
        ("activate", 30),
        ("expire", 20),
        ("hold", 15),
        ("lapse", 15),
        ("reverse", 40),
        ("forfeit", 40),
    ]


def _account(session: Session, program: Program) -> int:
    return membership_of(session, program.id, "ann").account_id


def test_suspension_leaves_what_is_held_waits_and_is_under_way_alone(
    session: Session, program: Program
) -> None:
    running(session, program, {"kind": "visit", "times": 2})
    joined(session, program, points=50)
    lot(session, program, 7, activates_in=2, expires_in=9)
    hold = redeemed(session, program, Redeem(20, hold_s=999)).id
    visit = replace(bought(), kind="visit", amount=None, currency=None)
    award_activities(session, stored(session, program, visit), AT)
    before = balance(session, program)

    def turn(verb: Callable[..., None]) -> None:
        verb(session, program, "ann", reason="fraud?", by=By("eve", None, AT))

    turn(suspend)
    again = replace(visit, transaction_id="again")
    award_activities(session, stored(session, program, again), AT)
    with pytest.raises(NotActive):
        redeemed(session, program, Redeem(1))
    assert balance(session, program) == before
    release(session, hold, By("shop", None, AT))
    turn(reinstate)
    award_activities(session, open_ids(session), AT)
    award_activities(session, open_ids(session), AT)  # and the bonus that the second visit paid
    assert balance(session, program) == Balance(pending=7, available=150)
