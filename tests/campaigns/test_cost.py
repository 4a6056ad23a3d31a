"""What campaigns cost a batch, in statements: nothing, one, or a few, however many purchases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.refer import make_referral_code
from loyalty.campaigns.referral_rule import ReferralRule, set_referral_rule
from loyalty.care.join import join
from loyalty.earning.award import award_activities
from loyalty.members.enrol import NewMember
from loyalty.programs.queries import Program
from tests.campaigns.given import accepted, draft, goal, publish
from tests.opened import AT, joined, opened

NAMES = ["ann", "bob", "carl"]
WINES = {"kind": "buy", "when": {"sku": ["wine"]}, "quantity": "10"}
COFFEES = {"kind": "buy", "when": {"sku": ["coffee"]}, "quantity": "1000"}


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    for name in NAMES:
        joined(session, program, name)
    return program


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    statements: list[str] = []
    connection = session.connection()

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE")):
            statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", note)


def cost(session: Session, program: Program) -> int:
    """Statements for a batch of nine coffees that three members bought."""
    ids = [one for name in NAMES for one in accepted(session, program, 1, 1, 1, member_id=name)]
    with counted(session) as statements:
        award_activities(session, ids, AT, top_up=False)
    return len(statements)


def test_a_program_without_campaigns_pays_nothing_for_them(
    session: Session, program: Program
) -> None:
    plain = cost(session, program)
    goal(session, program, "wines", WINES)
    draft(session, program, "wine", goals=["wines"])
    assert cost(session, program) == plain


def test_campaigns_that_nothing_furthers_are_one_read(session: Session, program: Program) -> None:
    plain = cost(session, program)
    goal(session, program, "wines", WINES)
    for key in ("one", "two", "three"):
        draft(session, program, key, goals=["wines"])
        publish(session, program, key)
    assert cost(session, program) == plain + 1


def test_what_is_furthered_is_read_named_written_and_told_in_sets(
    session: Session, program: Program
) -> None:
    plain = cost(session, program)
    goal(session, program, "coffees", COFFEES)
    for key in ("one", "two", "three"):
        draft(session, program, key, goals=["coffees"])
        publish(session, program, key)
    assert cost(session, program) == plain + 5


def test_referrals_cost_one_statement_while_one_is_open(session: Session, program: Program) -> None:
    plain = cost(session, program)
    rule = ReferralRule(active=True, referrer_points=50, referred_points=20)
    set_referral_rule(session, program, rule, by=By("test", None, AT))
    code = make_referral_code(session, program.id, "ann", AT)
    assert cost(session, program) == plain
    join(session, program, NewMember("dora"), AT, referral_code=code)
    assert cost(session, program) == plain + 1
