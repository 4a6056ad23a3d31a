"""Points are brought along: a lot each, once for ever, and the book knows why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.leave import leave
from loyalty.care.open_balances import Opening, open_balances
from loyalty.errors import Problem
from loyalty.ledger.rules import MAX_POINTS, Balance
from loyalty.members.bring_in import Outcome
from loyalty.people.statement import statement
from loyalty.programs.life_of_points import Expiry
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from tests.book.test_checks import verdicts
from tests.opened import AT, balance, give, joined, opened

BY = By("test", "r1", AT)
DAY = timedelta(days=1)
ONE = Opening("old-1", "ann", 100)
_LOTS = text(
    "SELECT points, activates_at, expires_at, active, idle_days FROM lot ORDER BY account_id, id"
)


@pytest.fixture
def program(session: Session) -> Program:
    """A program in which ann and bob are."""
    program = opened(session)
    joined(session, program)
    joined(session, program, "bob")
    return program


def told(outcomes: list[Outcome]) -> list[str]:
    """The words, and the codes of refusals."""
    return [
        one if isinstance(one, str) else one.errors[0].code if one.errors else one.code
        for one in outcomes
    ]


def test_each_is_a_lot_with_a_life_of_its_own(session: Session, program: Program) -> None:
    later, end = AT + 2000 * DAY, AT + 3000 * DAY
    outcomes = open_balances(
        session,
        program,
        [
            replace(ONE, expires_at=end, earned_at=AT - DAY),
            Opening("old-2", "ann", 7, never_expires=True),
            Opening("old-3", "bob", 5, activates_at=later, expires_at=end),
            Opening("old-4", "bob", 3, activates_at=AT - DAY),
        ],
        BY,
    )
    assert outcomes == ["added"] * 4
    assert balance(session, program) == Balance(available=107)
    assert balance(session, program, "bob") == Balance(pending=5, available=3)
    assert [tuple(row) for row in session.execute(_LOTS)] == [
        (100, None, end, True, None),
        (7, None, None, True, None),
        (5, later, end, False, None),
        (3, None, None, True, None),
    ]
    [second, first] = statement(session, program, "ann", before=None, limit=9)
    assert (first.text, first.occurred_at) == ("100 points brought along (old-1)", AT - DAY)
    assert (second.kind, second.change, second.recorded_at) == ("opening", {"available": 7}, AT)
    assert verdicts(session)[-1].broken == []


def test_the_same_again_changes_nothing_and_other_points_are_refused(
    session: Session, program: Program
) -> None:
    again = [ONE, ONE, replace(ONE, points=101), replace(ONE, member_id="bob")]
    mismatch = ["opening_mismatch"] * 2
    assert told(open_balances(session, program, again, BY)) == ["added", "unchanged", *mismatch]
    assert told(open_balances(session, program, again, BY)) == ["unchanged"] * 2 + mismatch
    assert balance(session, program) == Balance(available=100)
    assert balance(session, program, "bob") == Balance()


def test_each_line_that_cannot_be_opened_says_why_and_the_others_are(
    session: Session, program: Program
) -> None:
    leave(session, program, "bob", by=By("bob", None, AT))
    outcomes = open_balances(
        session,
        program,
        [
            Opening("a", "carl", 1),
            Opening("b", "bob", 1),
            Opening("c", "ann", 1, expires_at=AT),
            Opening("d", "ann", 1, activates_at=AT + 2 * DAY, expires_at=AT + DAY),
            Opening("e", "ann", 1, earned_at=AT + DAY),
            Opening("f", "ann", 1, tier_points=2),
            ONE,
            Opening("g", "ann", MAX_POINTS),
        ],
        BY,
    )
    assert told(outcomes) == [
        "not_enrolled",
        "not_active",
        "in_the_past",
        "in_the_past",
        "in_the_future",
        "too_large",
        "added",
        "account_full",
    ]
    assert all(isinstance(one, Problem) for one in outcomes if one != "added")
    assert balance(session, program) == Balance(available=100)
    assert session.scalar(text("SELECT count(*) FROM opening_balance")) == 1
    assert verdicts(session)[-1].broken == []


def test_what_counts_for_the_tier_raises_it(session: Session, program: Program) -> None:
    openings = [Opening("a", "ann", 900, tier_points=500), Opening("b", "bob", 900)]
    assert told(open_balances(session, program, openings, BY)) == ["added", "added"]
    rows = session.execute(
        text(
            "SELECT m.member_id, ms.tier_key, a.lifetime, a.tier_points FROM membership ms"
            " JOIN member m ON m.id = ms.member_id JOIN account a ON a.id = ms.account_id"
            " ORDER BY m.member_id"
        )
    )
    assert [tuple(row) for row in rows] == [
        ("ann", "gold", 900, 500),
        ("bob", "basic", 900, 0),
    ]
    why = session.scalar(text("SELECT data->>'why' FROM event WHERE type = 'tier.raised'"))
    assert why == "brought"
    assert verdicts(session)[-1].broken == []


def test_the_program_says_how_long_they_live_where_the_line_does_not(session: Session) -> None:
    program = opened(session, settings=ProgramSettings(expiry=Expiry("inactivity", 30)))
    joined(session, program)
    openings = [ONE, Opening("b", "ann", 1, never_expires=True)]
    assert told(open_balances(session, program, openings, BY)) == ["added", "added"]
    midnight = AT.replace(hour=0) + 31 * DAY
    assert [(row.expires_at, row.idle_days) for row in session.execute(_LOTS)] == [
        (midnight, 30),
        (None, None),
    ]


def test_they_pay_a_debt_first(session: Session, program: Program) -> None:
    give(session, program, 10)
    session.execute(text("SELECT 1"))
    account = session.scalar(
        text("SELECT account_id FROM membership ms JOIN member m ON m.id = ms.member_id"
             " WHERE m.member_id = 'ann'")
    )  # fmt: skip
    from loyalty.ids import uuid7
    from loyalty.ledger.post import lock_accounts, post
    from loyalty.ledger.rules import Bucket, Kind

    assert account is not None
    [locked] = lock_accounts(session, [account]).values()
    locked.move(Kind.REVERSE, Bucket.OWED, Bucket.REVERSED, 30, cause_id=uuid7(), occurred_at=AT)
    post(session, [locked], AT)
    assert told(open_balances(session, program, [ONE], BY)) == ["added"]
    assert balance(session, program) == Balance(available=80)
    [entries] = session.execute(
        text("SELECT count(*) FROM entry WHERE kind = 'opening' AND account_id = :a"),
        {"a": account},
    ).scalars()
    assert entries == 2
