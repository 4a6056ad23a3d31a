"""Lots that are due move the same way, whoever finds them: a verb, or a batch of beat's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.post import lock_accounts, post
from loyalty.ledger.rules import Balance, Bucket, Draw, Kind, Lot, settled
from loyalty.lifecycle.move_due import Place, move_due
from loyalty.programs.life_of_points import Expiry
from loyalty.programs.queries import Program
from tests.ledger.lots import AT, account_with, entries_after, figures, open_lots_of
from tests.opened import opened

DAY = timedelta(days=1)
LONG_AGO, LATER = AT - 30 * DAY, AT + 30 * DAY
instants = st.integers(-5, 5).map(lambda days: AT + days * DAY)
lots = st.lists(
    st.builds(
        Lot,
        id=st.just(0),
        remaining=st.integers(1, 100),
        expires_at=st.none() | instants,
        activates_at=instants,
        active=st.booleans(),
    ),
    max_size=8,
)


@pytest.fixture
def program(session: Session) -> Program:
    return opened(session)


def by_a_verb(session: Session, account: Account) -> None:
    locked = lock_accounts(session, [account.id])
    settle_due(session, locked.values(), AT)


def by_beat(session: Session, account: Account, most: int = 100) -> None:
    place: Place | None = Place()
    while place:
        place = move_due(session, place, AT, most=most).ended


def by_beat_in_small_batches(session: Session, account: Account) -> None:
    by_beat(session, account, most=2)


Way = Callable[[Session, Account], None]
WAYS = [by_a_verb, by_beat, by_beat_in_small_batches]


@pytest.mark.parametrize("settle", WAYS)
@given(issued=lots)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_due_is_moved_and_nothing_else(
    session: Session, program: Program, settle: Way, issued: Sequence[Lot]
) -> None:
    account = account_with(session, program, issued)
    before, there = account.version, open_lots_of(session, account)
    settle(session, account)
    left = settled(there, AT)
    assert open_lots_of(session, account) == left
    pending = sum(lot.remaining for lot in left if not lot.active)
    available = sum(lot.remaining for lot in left if lot.active)
    moved = entries_after(session, account, before)
    assert figures(session, account) == (pending, available, before + len(moved))
    assert all(one.occurred_at <= AT for one in moved)
    settle(session, account)
    assert entries_after(session, account, before) == moved


@given(issued=lots)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_verb_and_a_batch_write_the_same_entries(
    session: Session, program: Program, issued: Sequence[Lot]
) -> None:
    first = account_with(session, program, issued)
    second = account_with(session, program, issued)
    by_a_verb(session, first)
    by_beat(session, second)
    assert entries_after(session, first, 0) == entries_after(session, second, 0)


def test_the_entries_are_of_the_instants_that_they_tell_in_their_order(
    session: Session, program: Program
) -> None:
    account = account_with(
        session,
        program,
        [
            Lot(0, 5, expires_at=AT - DAY),
            Lot(0, 7, expires_at=AT - DAY),
            Lot(0, 11, activates_at=AT - 3 * DAY, expires_at=AT - DAY, active=False),
            Lot(0, 13, activates_at=AT - 2 * DAY, expires_at=LATER, active=False),
            Lot(0, 17, activates_at=LATER, active=False),
        ],
    )
    by_beat(session, account)
    assert [tuple(one) for one in entries_after(session, account, 5)] == [
        ("activate", 11, AT - 3 * DAY, 30, 23, [3]),
        ("activate", 13, AT - 2 * DAY, 17, 36, [4]),
        ("expire", 23, AT - DAY, 17, 13, [1, 2, 3]),
    ]


def test_what_waits_for_a_release_is_never_due(session: Session, program: Program) -> None:
    waiting = Lot(0, 5, active=False, once_released=Expiry("days", 1))
    account = account_with(session, program, [waiting])
    for settle in WAYS:
        settle(session, account)
    assert figures(session, account) == (5, 0, 1)


def _earned(session: Session, program: Program, account: Account, at: datetime) -> None:
    """One point more, for a purchase of that instant."""
    again = lock_accounts(session, [account.id])[account.id]
    again.issue(Kind.AWARD, Bucket.ISSUED, 1, cause_id=uuid4(), occurred_at=at)
    post(session, [again], AT)


def test_activity_moves_on_what_expires_by_inactivity_and_nothing_else(
    session: Session, program: Program
) -> None:
    account = account_with(
        session,
        program,
        [
            Lot(0, 5, expires_at=AT + DAY, idle_days=30),
            Lot(0, 7, expires_at=AT + DAY),
            Lot(0, 3, expires_at=AT + 90 * DAY, idle_days=30),
            Lot(0, 9, expires_at=AT - DAY, idle_days=30),
        ],
    )
    _earned(session, program, account, AT)
    midnight = AT.replace(hour=0) + 31 * DAY
    assert [lot.expires_at for lot in open_lots_of(session, account)] == [
        midnight,
        AT + DAY,
        AT + 90 * DAY,
        AT - DAY,
        None,
    ]


def test_a_purchase_worth_nothing_is_activity_too(session: Session, program: Program) -> None:
    account = account_with(session, program, [Lot(0, 5, expires_at=AT + DAY, idle_days=30)])
    again = lock_accounts(session, [account.id])[account.id]
    again.issue(Kind.AWARD, Bucket.ISSUED, 0, cause_id=uuid4(), occurred_at=AT)
    post(session, [again], AT)
    [lot] = open_lots_of(session, account)
    assert lot.expires_at == AT.replace(hour=0) + 31 * DAY
    assert figures(session, account) == (0, 5, 1)


def test_an_older_purchase_moves_nothing_back(session: Session, program: Program) -> None:
    midnight = AT.replace(hour=0) + 31 * DAY
    account = account_with(session, program, [Lot(0, 5, expires_at=midnight, idle_days=30)])
    _earned(session, program, account, LONG_AGO)
    assert open_lots_of(session, account)[0].expires_at == midnight


@pytest.mark.parametrize(("grace_days", "left"), [(0, 10), (3, 30)])
def test_points_that_return_to_an_expired_lot_expire_or_live_for_the_grace(
    session: Session, program: Program, grace_days: int, left: int
) -> None:
    account = account_with(
        session, program, [Lot(0, 20, expires_at=LONG_AGO), Lot(0, 10, expires_at=LATER)]
    )
    held = lock_accounts(session, [account.id])[account.id]
    draws = [Draw(1, 20), Draw(2, 10)]
    held.move(
        Kind.HOLD,
        Bucket.AVAILABLE,
        Bucket.HELD,
        30,
        cause_id=uuid4(),
        occurred_at=LONG_AGO,
        draws=draws,
    )
    post(session, [held], LONG_AGO)
    lots = [Lot(1, 0, LONG_AGO), Lot(2, 0, LATER)]
    version = held.bring_back(
        Kind.RELEASE,
        Bucket.HELD,
        draws,
        lots,
        cause_id=uuid4(),
        occurred_at=AT,
        at=AT,
        grace_days=grace_days,
    )
    assert version == 4
    post(session, [held], AT)
    assert held.balance == Balance(available=left)
    told = [(one.kind, one.points) for one in entries_after(session, account, 3)]
    lives = [(lot.id, lot.remaining, lot.expires_at) for lot in open_lots_of(session, account)]
    if grace_days:
        assert told == [("release", 30)]
        assert lives == [(1, 20, AT + 3 * DAY), (2, 10, LATER)]
    else:
        assert told == [("release", 30), ("expire", 20)]
        assert lives == [(2, 10, LATER)]
