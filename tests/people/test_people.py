"""What is told of members."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.errors import NotFound
from loyalty.ledger.post import post
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import NotEnrolled, lock_membership, membership_of
from loyalty.people.answer import Expiring, Figures, member_answer
from loyalty.people.profile import lookup, profile
from loyalty.people.redemptions import redemption, redemptions
from loyalty.people.statement import balance_at, statement
from loyalty.programs.queries import Program
from loyalty.redemption.redeem import Redeem
from loyalty.tiers.rules import Tier
from tests.opened import AT, give, joined, opened, redeemed

HOUR = timedelta(hours=1)


@pytest.fixture
def program(session: Session) -> Program:
    return opened(session)


def _issue(
    session: Session, program: Program, points: int, days: int | None, hours_ago: int = 0
) -> None:
    """An award that expires in `days` and occurred `hours_ago`, recorded now."""
    _, account = lock_membership(session, program.id, "ann")
    account.issue(
        Kind.AWARD,
        Bucket.ISSUED,
        points,
        cause_id=uuid4(),
        occurred_at=AT - hours_ago * HOUR,
        expires_at=None if days is None else AT + timedelta(days=days),
    )
    post(session, [account], AT)


@contextmanager
def _statements(session: Session) -> Iterator[list[str]]:
    told: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        told.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    yield told
    event.remove(connection, "before_cursor_execute", note)


def test_the_whole_answer_is_one_statement(session: Session, program: Program) -> None:
    joined(session, program, points=100)
    for days in range(1, 20):
        _issue(session, program, 1, days)
    with _statements(session) as told:
        member_answer(session, program, "ann", AT)
    assert len(told) == 1


def test_who_has_just_joined(session: Session, program: Program) -> None:
    joined(session, program)
    member = member_answer(session, program, "ann", AT)
    assert (member.member_id, member.status, member.joined_at) == ("ann", "active", AT)
    assert member.tier == Tier("basic", "Basic", 0)
    assert member.next_tier == (Tier("gold", "Gold", 500), 500)
    assert member.points == Figures(available=0, pending=0, held=0, owed=0, lifetime=0)
    assert member.expiring == []


def test_spent_points_count_for_the_next_tier_and_the_life(
    session: Session, program: Program
) -> None:
    joined(session, program, points=600)
    give(session, program, -550)
    member = member_answer(session, program, "ann", AT)
    assert member.tier.key == "gold"
    assert member.next_tier == (Tier("platinum", "Platinum", 1000), 400)
    assert (member.points.available, member.points.lifetime) == (50, 600)


def test_who_is_at_the_top_has_no_next_tier(session: Session, program: Program) -> None:
    joined(session, program, points=1000)
    assert member_answer(session, program, "ann", AT).next_tier is None


def test_what_expires_is_told_soonest_first_and_what_has_expired_is_not_counted(
    session: Session, program: Program
) -> None:
    joined(session, program, points=1)
    for points, days in ((10, 30), (20, 10), (30, 30), (40, 0), (50, -1)):
        _issue(session, program, points, days)
    member = member_answer(session, program, "ann", AT)
    assert member.expiring == [
        Expiring(20, AT + timedelta(days=10)),
        Expiring(40, AT + timedelta(days=30)),
    ]
    assert member.points.available == 61


def test_who_has_left_is_told_so(session: Session, program: Program) -> None:
    joined(session, program, points=120)
    leave(session, program, "ann", by=By("ann", None, AT + HOUR))
    member = member_answer(session, program, "ann", AT)
    assert (member.status, member.left_at, member.next_tier) == ("cancelled", AT + HOUR, None)
    assert member.points.available == 0


def test_who_never_joined_is_not_enrolled(session: Session, program: Program) -> None:
    for read in (
        lambda: member_answer(session, program, "ann", AT),
        lambda: statement(session, program, "ann", before=None, limit=1),
        lambda: balance_at(session, program, "ann", AT, as_of=AT, known_at=AT),
        lambda: redemptions(session, program, "ann", AT, before=None, limit=1),
    ):
        with pytest.raises(NotEnrolled):
            read()


def test_the_statement_is_told_newest_first_in_pages(session: Session, program: Program) -> None:
    joined(session, program, points=100)
    redeemed(session, program, Redeem(points=30), at=AT + HOUR)
    give(session, program, -5)
    first = statement(session, program, "ann", before=None, limit=2)
    rest = statement(session, program, "ann", before=first[-1].id, limit=2)
    lines = [*first, *rest]
    account = membership_of(session, program.id, "ann").account_id
    assert [(one.id, one.kind, one.text, one.change, one.balance) for one in lines] == [
        (
            f"{account}-3",
            "adjust",
            "5 points taken: a test",
            {"available": -5},
            Balance(available=65),
        ),
        (
            f"{account}-2",
            "redeem",
            "30 points spent, worth 0.30 USD",
            {"available": -30},
            Balance(available=70),
        ),
        (
            f"{account}-1",
            "adjust",
            "100 points given: a test",
            {"available": 100},
            Balance(available=100),
        ),
    ]
    assert [one.occurred_at for one in lines] == [AT, AT + HOUR, AT]


def test_the_balance_back_then_and_as_it_was_known(session: Session, program: Program) -> None:
    joined(session, program)
    _issue(session, program, 10, None, hours_ago=48)
    _issue(session, program, 5, None)
    for as_of, known_at, available in (
        (AT, AT, 15),
        (AT - HOUR, AT, 10),
        (AT - 48 * HOUR, AT, 10),
        (AT - 49 * HOUR, AT, 0),
        (AT, AT - HOUR, 0),
    ):
        found = balance_at(session, program, "ann", AT, as_of=as_of, known_at=known_at)
        assert found == Balance(available=available)


def test_one_member_in_every_program(session: Session, program: Program) -> None:
    card, phone = Identifier("card", "1"), Identifier("phone", "2")
    join(session, program, NewMember("ann", (phone, card), "Ann", date(1990, 2, 28)), AT)
    give(session, program, 600)
    joined(session, opened(session, "flights"), "ann", points=5)
    told = profile(session, "ann")
    assert (told.name, told.birthday, told.identifiers) == (
        "Ann",
        date(1990, 2, 28),
        [card, phone],
    )
    assert [(one.program, one.tier, one.points, one.joined_at) for one in told.programs] == [
        ("flights", "basic", Balance(available=5), AT),
        ("wine", "gold", Balance(available=600), AT),
    ]
    assert lookup(session, card) == told
    for nobody in (Identifier("card", "2"), Identifier("phone", "1")):
        with pytest.raises(NotFound):
            lookup(session, nobody)


def test_redemptions_are_told_newest_first_in_pages(session: Session, program: Program) -> None:
    joined(session, program, points=100)
    made = [redeemed(session, program, Redeem(points=n)) for n in (1, 2, 3)]
    page = redemptions(session, program, "ann", AT, before=None, limit=2)
    rest = redemptions(session, program, "ann", AT, before=page[-1].id, limit=2)
    assert [one.id for one in (*page, *rest)] == [one.id for one in reversed(made)]
    told, _ = redemption(session, made[1].id, AT)
    assert told == page[1]
    assert (told.program, told.member_id, told.status, told.points) == (
        "wine",
        "ann",
        "redeemed",
        2,
    )
    assert (told.amount, told.currency) == (Decimal("0.02"), "USD")
    with pytest.raises(NotFound):
        redemption(session, uuid4(), AT)
