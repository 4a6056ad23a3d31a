"""Members give points to each other: both sides or none, whatever happens beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.care.leave import leave
from loyalty.care.queries import read_transfer, transfers
from loyalty.care.suspend import suspend
from loyalty.care.transfer import InArrears, Sides, Transfer, TransferLimit, transfer
from loyalty.errors import Invalid, NotFound, Problem
from loyalty.ledger.account import AccountFull, InsufficientPoints
from loyalty.ledger.post import post
from loyalty.ledger.rules import MAX_POINTS, Balance, Bucket, Kind
from loyalty.members.queries import NotActive, NotEnrolled, lock_membership, membership_of
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings, TransferRule
from loyalty.transaction import transaction
from tests.opened import AT, balance, give, joined, opened
from tests.tenant import TestTenant


@pytest.fixture
def program(session: Session) -> Program:
    """Ann and Bob are in it."""
    program = opened(session)
    joined(session, program, "ann")
    joined(session, program, "bob")
    return program


def _transfer(
    session: Session, program: Program, points: int, giver: str = "ann", taker: str = "bob"
) -> Sides:
    order = Transfer(giver, taker, points, "a gift")
    return transfer(session, program, order, by=By("eve", "r1", AT))


def _lot(session: Session, program: Program, points: int, days: int | None) -> None:
    """Ann earns points that expire in `days`."""
    _, account = lock_membership(session, program.id, "ann")
    account.issue(
        Kind.AWARD,
        Bucket.ISSUED,
        points,
        cause_id=uuid4(),
        occurred_at=AT,
        expires_at=None if days is None else AT + timedelta(days=days),
    )
    post(session, [account], AT)


def _owe(session: Session, program: Program, member_id: str, points: int) -> None:
    _, account = lock_membership(session, program.id, member_id)
    account.move(
        Kind.REVERSE, Bucket.OWED, Bucket.REVERSED, points, cause_id=uuid4(), occurred_at=AT
    )
    post(session, [account], AT)


def _lots(session: Session, program: Program, member_id: str) -> list[tuple[int, int | None]]:
    """What is left of each open lot, and in how many days it expires."""
    rows = session.execute(
        text("SELECT remaining, expires_at FROM lot WHERE account_id = :id AND open ORDER BY id"),
        {"id": membership_of(session, program.id, member_id).account_id},
    )
    return [(row.remaining, row.expires_at and (row.expires_at - AT).days) for row in rows]


def _entries(session: Session, program: Program, member_id: str) -> list[tuple[str, str, str, int]]:
    rows = session.execute(
        text(
            "SELECT kind, from_bucket, to_bucket, points FROM entry"
            " WHERE account_id = :id ORDER BY version"
        ),
        {"id": membership_of(session, program.id, member_id).account_id},
    )
    return [tuple(row) for row in rows]


def test_points_go_over_with_the_dates_they_had(session: Session, program: Program) -> None:
    for points, days in ((10, None), (20, 30), (5, 10), (7, 30)):
        _lot(session, program, points, days)
    made = _transfer(session, program, 25)
    assert (made.giver, made.taker) == (Balance(available=17), Balance(available=25))
    assert [(one.points, one.life.expires_at) for one in made.parcels] == [
        (5, AT + timedelta(days=10)),
        (20, AT + timedelta(days=30)),
    ]
    assert _lots(session, program, "ann") == [(10, None), (7, 30)]
    assert _lots(session, program, "bob") == [(5, 10), (20, 30)]
    assert _entries(session, program, "ann")[-1] == ("transfer", "available", "transferred", 25)
    assert _entries(session, program, "bob") == [
        ("transfer", "transferred", "available", 5),
        ("transfer", "transferred", "available", 20),
    ]


def test_lots_of_the_same_dates_arrive_as_one(session: Session, program: Program) -> None:
    _lot(session, program, 10, 30)
    _lot(session, program, 10, 30)
    _transfer(session, program, 15)
    assert _lots(session, program, "bob") == [(15, 30)]


def test_what_was_given_counts_for_no_tier_again(session: Session, program: Program) -> None:
    give(session, program, 600)
    _transfer(session, program, 600)
    told = {
        row.member_id: (row.tier_key, row.tier_points, row.lifetime)
        for row in session.execute(
            text(
                "SELECT m.member_id, ms.tier_key, a.tier_points, a.lifetime FROM member m"
                " JOIN membership ms ON ms.member_id = m.id JOIN account a ON a.id = ms.account_id"
            )
        )
    }
    assert told == {"ann": ("gold", 600, 600), "bob": ("basic", 0, 0)}


def test_a_transfer_is_told_and_written_down(session: Session, program: Program) -> None:
    give(session, program, 10)
    made = _transfer(session, program, 3).transfer
    assert read_transfer(session, made.id) == made
    assert (made.giver, made.taker, made.points, made.reason) == ("ann", "bob", 3, "a gift")
    for member_id, found in ((None, [made]), ("ann", [made]), ("bob", [made]), ("cid", [])):
        listed = transfers(session, program, member_id=member_id, before=None, limit=5)
        assert listed == found
    with pytest.raises(NotFound):
        read_transfer(session, uuid4())
    [told, *_] = records(session, None, 1)
    assert (told.act, told.subject, told.actor, told.reason, told.request_id) == (
        "member.transfer",
        "program wine member ann",
        "eve",
        "a gift",
        "r1",
    )


def test_what_the_taker_owes_is_paid_first(session: Session, program: Program) -> None:
    give(session, program, 50)
    _owe(session, program, "bob", 30)
    made = _transfer(session, program, 50)
    assert made.taker == Balance(available=20)
    assert _entries(session, program, "bob")[-1] == ("settle", "available", "owed", 30)


def test_who_owes_gives_nothing_away(session: Session, program: Program) -> None:
    give(session, program, 50)
    _owe(session, program, "ann", 1)
    with pytest.raises(InArrears):
        _transfer(session, program, 10)


def test_nobody_gives_more_than_there_is(session: Session, program: Program) -> None:
    give(session, program, 10)
    with pytest.raises(InsufficientPoints):
        _transfer(session, program, 11)
    assert balance(session, program, "bob") == Balance()


def test_an_account_that_cannot_hold_them_takes_none(session: Session, program: Program) -> None:
    give(session, program, 10)
    give(session, program, MAX_POINTS, "bob")
    with pytest.raises(AccountFull):
        _transfer(session, program, 1)
    assert balance(session, program, "ann") == Balance(available=10)


def test_only_active_members_of_the_program_give_and_take(
    session: Session, program: Program
) -> None:
    give(session, program, 10)
    for giver, taker in (("ann", "cid"), ("cid", "ann")):
        with pytest.raises(NotEnrolled, match="cid"):
            _transfer(session, program, 1, giver, taker)
    joined(session, program, "dan")
    joined(session, program, "fay")
    suspend(session, program, "dan", reason="-", by=By("-", None, AT))
    leave(session, program, "fay", by=By("fay", None, AT))
    for other, status in (("dan", "suspended"), ("fay", "cancelled")):
        for giver, taker in (("ann", other), (other, "ann")):
            with pytest.raises(NotActive, match=f"{other} is {status}"):
                _transfer(session, program, 1, giver, taker)


def test_nobody_gives_to_themselves(session: Session, program: Program) -> None:
    give(session, program, 10)
    with pytest.raises(Invalid) as refused:
        _transfer(session, program, 1, "ann", "ann")
    assert [one.pointer for one in refused.value.errors] == ["/to"]


def test_the_programs_limits_hold_per_transfer_and_per_period(session: Session) -> None:
    rule = TransferRule(5, 50, 80, "month")
    program = opened(session, settings=ProgramSettings(transfers=rule))
    joined(session, program, "ann", points=1000)
    joined(session, program, "bob", points=1000)
    for points in (4, 51):
        with pytest.raises(TransferLimit):
            _transfer(session, program, points)
    _transfer(session, program, 50)
    _transfer(session, program, 30)
    with pytest.raises(TransferLimit, match="0 are left"):
        _transfer(session, program, 5)
    _transfer(session, program, 50, "bob", "ann")  # each has a limit of their own
    order = Transfer("ann", "bob", 5, "next month")
    later = AT + timedelta(days=31)
    transfer(session, program, order, by=By("eve", None, later))


def _one(tenant: TestTenant, program: Program, giver: str, taker: str, points: int) -> str:
    try:
        with transaction(tenant.id) as session:
            _transfer(session, program, points, giver, taker)
    except Problem as problem:
        return problem.code
    return "done"


def test_transfers_in_opposite_directions_never_deadlock_and_lose_nothing(
    tenant: TestTenant,
) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        for name in ("ann", "bob"):
            joined(session, program, name, points=100)
    ways = [("ann", "bob"), ("bob", "ann")] * 40
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda way: _one(tenant, program, way[0], way[1], 7), ways))
    assert set(told) <= {"done", "insufficient_points"}
    with transaction(tenant.id) as session:
        left = [balance(session, program, name).available for name in ("ann", "bob")]
    gone = told[0::2].count("done") - told[1::2].count("done")
    assert left == [100 - 7 * gone, 100 + 7 * gone]


def test_a_balance_is_given_away_once(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program, "ann", points=100)
        for name in ("bob", "cid"):
            joined(session, program, name)
    with ThreadPoolExecutor(8) as threads:
        told = list(
            threads.map(
                lambda number: _one(tenant, program, "ann", "bob" if number % 2 else "cid", 10),
                range(24),
            )
        )
    assert sorted(told) == ["done"] * 10 + ["insufficient_points"] * 14
    with transaction(tenant.id) as session:
        assert balance(session, program, "ann") == Balance()
        got = [balance(session, program, name).available for name in ("bob", "cid")]
    assert sum(got) == 100
