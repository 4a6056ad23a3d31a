"""What is held or spent comes back to the very lots, and time goes on for them meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.ledger.account import Account, AccountFull, InsufficientPoints
from loyalty.ledger.post import post
from loyalty.ledger.rules import MAX_POINTS, Balance, Bucket, Kind
from loyalty.members.enrol import NewMember
from loyalty.members.queries import lock_membership
from loyalty.people.redemptions import redemption
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from loyalty.redemption.cancel import cancel
from loyalty.redemption.capture import capture
from loyalty.redemption.models import RedemptionRow
from loyalty.redemption.redeem import HoldsLapse, Redeem
from loyalty.redemption.release import lapse_due, release
from loyalty.redemption.step import WrongState
from loyalty.rewards.queries import stocks
from loyalty.rewards.stock import take_one
from tests.opened import AT, balance, give, joined, opened, redeemed
from tests.rewards.given import offered

DAY = timedelta(days=1)
GRACE = ProgramSettings(grace_days=7)


def _account(session: Session, program: Program) -> Account:
    return lock_membership(session, program.id, "ann")[1]


def earn(
    session: Session,
    program: Program,
    points: int,
    expires_at: datetime | None = None,
    activates_at: datetime | None = None,
) -> None:
    """A lot of its own."""
    account = _account(session, program)
    account.issue(
        Kind.AWARD,
        Bucket.ISSUED,
        points,
        cause_id=uuid4(),
        occurred_at=AT,
        activates_at=activates_at,
        expires_at=expires_at,
    )
    post(session, [account], AT)


def held(session: Session, program: Program, points: int, *, for_s: int = 999_999) -> UUID:
    """A hold of Ann's."""
    return redeemed(session, program, Redeem(points, hold_s=for_s)).id


def lots(session: Session) -> list[tuple[int, datetime | None]]:
    """What is left in each lot, and until when."""
    rows = session.execute(text("SELECT remaining, expires_at FROM lot ORDER BY id"))
    return [(row.remaining, row.expires_at) for row in rows]


def entries(session: Session) -> list[tuple[str, int]]:
    """Kind and points of every entry, in order."""
    rows = session.execute(text("SELECT kind, points FROM entry ORDER BY version"))
    return [(row.kind, row.points) for row in rows]


def by(at: datetime) -> By:
    """The shop, at an instant."""
    return By("shop", "r2", at)


def test_a_lot_expires_while_held__released__expires_and_says_so(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    earn(session, program, 100, expires_at=AT + DAY)
    earn(session, program, 50)
    one = held(session, program, 120)
    release(session, one, by(AT + 2 * DAY))
    assert balance(session, program) == Balance(available=50)
    assert lots(session) == [(0, AT + DAY), (50, None)]
    assert entries(session)[2:] == [("hold", 120), ("release", 120), ("expire", 100)]


def test_a_lot_expires_while_held__released__lives_for_the_grace_days(session: Session) -> None:
    program = opened(session, settings=GRACE)
    joined(session, program)
    earn(session, program, 100, expires_at=AT + DAY)
    one = held(session, program, 60)
    release(session, one, by(AT + 2 * DAY))
    assert balance(session, program) == Balance(available=60)
    assert lots(session) == [(60, AT + 9 * DAY)]
    assert entries(session)[1:] == [("hold", 60), ("expire", 40), ("release", 60)]


def test_a_hold_whose_lapse_is_written_late__lapsed_when_its_time_was_over(
    session: Session,
) -> None:
    """Its points lived on by their own dates, not for grace days from when somebody looked."""
    program = opened(session, settings=GRACE)
    joined(session, program)
    earn(session, program, 100, expires_at=AT + 10 * DAY)
    earn(session, program, 50)
    held(session, program, 120, for_s=86_400)
    account = _account(session, program)
    assert lapse_due(session, [account.id], AT + 30 * DAY) == 1
    assert balance(session, program) == Balance(available=50)
    assert lots(session) == [(0, AT + 10 * DAY), (50, None)]
    assert entries(session)[2:] == [("hold", 120), ("lapse", 120), ("expire", 100)]
    when = text("SELECT occurred_at FROM entry WHERE kind IN ('lapse', 'expire') ORDER BY version")
    assert list(session.scalars(when)) == [AT + DAY, AT + 10 * DAY]


@pytest.mark.parametrize(
    ("settings", "after"),
    [(ProgramSettings(), Balance()), (GRACE, Balance(available=30))],
)
def test_a_burn_is_cancelled_after_the_lot_s_expiry(
    session: Session, settings: ProgramSettings, after: Balance
) -> None:
    program = opened(session, settings=settings)
    joined(session, program)
    earn(session, program, 30, expires_at=AT + DAY)
    burn = redeemed(session, program, Redeem(30)).id
    cancel(session, burn, None, None, by(AT + 2 * DAY))
    assert balance(session, program) == after


def test_a_part_that_comes_back_is_what_was_drawn_last(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    for days in (1, 2, 3):
        earn(session, program, 10, expires_at=AT + days * DAY)
    one = held(session, program, 25)
    capture(session, one, 12, by(AT))
    assert [left for left, _ in lots(session)] == [0, 8, 10]
    cancel(session, one, 5, "a fault", by(AT))
    assert [left for left, _ in lots(session)] == [3, 10, 10]
    cancel(session, one, None, None, by(AT))
    assert [left for left, _ in lots(session)] == [10, 10, 10]
    assert balance(session, program) == Balance(available=30)


def test_a_burn_does_what_is_due_on_its_way(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    earn(session, program, 10, expires_at=AT + DAY)
    earn(session, program, 20, activates_at=AT + DAY)
    earn(session, program, 40, activates_at=AT + 9 * DAY)
    with pytest.raises(InsufficientPoints) as refused:
        redeemed(session, program, Redeem(21), at=AT + 2 * DAY)
    assert (refused.value.available, refused.value.asked) == (20, 21)
    made = redeemed(session, program, Redeem(15), at=AT + 2 * DAY)
    assert made.balance == balance(session, program) == Balance(available=5, pending=40)
    assert entries(session)[3:] == [("activate", 20), ("expire", 10), ("redeem", 15)]


def test_a_hold_lapses_when_its_time_is_over(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=100)
    soon, later = held(session, program, 10, for_s=60), held(session, program, 20, for_s=120)
    due = AT + timedelta(seconds=60)
    account = _account(session, program).id
    assert redemption(session, soon, due)[0].status == "lapsed"  # also before it is written
    with pytest.raises(WrongState, match="lapsed"):
        capture(session, soon, None, by(due))
    with pytest.raises(WrongState, match="lapsed"):
        release(session, soon, by(due))
    with pytest.raises(HoldsLapse):
        redeemed(session, program, Redeem(1), at=due)
    assert lapse_due(session, [account], due) == 1
    assert lapse_due(session, [account], due) == 0
    assert balance(session, program) == Balance(available=80, held=20)
    assert redemption(session, later, due)[0].status == "held"
    assert redeemed(session, program, Redeem(80), at=due).balance == Balance(held=20)
    rows = session.execute(text("SELECT kind, points, actor FROM redemption_step")).all()
    assert [tuple(row) for row in rows] == [("lapse", 10, ":time")]


def test_what_comes_back_pays_what_is_owed(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=100)
    one = held(session, program, 100)
    account = _account(session, program)
    account.move(Kind.REVERSE, Bucket.OWED, Bucket.REVERSED, 30, cause_id=uuid4(), occurred_at=AT)
    post(session, [account], AT)
    release(session, one, by(AT))
    assert balance(session, program) == Balance(available=70)
    assert entries(session)[-2:] == [("release", 100), ("settle", 30)]


def test_who_leaves_loses_what_is_held(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=100)
    one = held(session, program, 40)
    leave(session, program, "ann", by=By("ann", None, AT))
    assert balance(session, program) == Balance()
    assert entries(session)[1:] == [("hold", 40), ("lapse", 40), ("forfeit", 100)]
    assert redemption(session, one, AT)[0].status == "lapsed"


@pytest.mark.parametrize("joins_again", [False, True])
def test_a_burn_from_before_leaving_is_cancelled__it_is_forfeited(
    session: Session, joins_again: bool
) -> None:
    program = opened(session)
    joined(session, program, points=100)
    burn = redeemed(session, program, Redeem(40)).id
    leave(session, program, "ann", by=By("ann", None, AT + DAY))
    if joins_again:
        join(session, program, NewMember("ann"), AT + 2 * DAY)
        give(session, program, 5)
    cancel(session, burn, None, None, by(AT + 3 * DAY))
    assert balance(session, program) == Balance(available=5 if joins_again else 0)
    assert entries(session)[-2:] == [("cancel", 40), ("forfeit", 40)]


def test_points_that_no_account_can_hold_do_not_come_back(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=10)
    burn = redeemed(session, program, Redeem(10)).id
    give(session, program, MAX_POINTS)
    with pytest.raises(AccountFull):
        cancel(session, burn, None, None, by(AT))


def test_what_was_won_is_cancelled__no_points__in_stock_again(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=10)
    mug = offered(session, program, stock=1)
    take_one(session, mug.id)
    won = uuid4()
    session.execute(
        insert(RedemptionRow).values(
            tenant_id=session.info["tenant_id"],
            id=won,
            program_id=program.id,
            account_id=_account(session, program).id,
            status="redeemed",
            points=0,
            entry_version=0,
            actor=":campaign",
            occurred_at=AT,
            reward_id=mug.id,
            took_stock=True,
        )
    )
    cancel(session, won, None, "a fault", by(AT))
    assert redemption(session, won, AT)[0].status == "cancelled"
    assert balance(session, program) == Balance(available=10)
    assert stocks(session, [mug.id])[mug.id].remaining == 1
    with pytest.raises(WrongState):
        cancel(session, won, None, None, by(AT))
