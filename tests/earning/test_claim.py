"""Row locks decide who judges what; each purchase is judged by one worker at a time."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.claim import ALONE_FROM, MOST_AT_ONCE, claim, count_claim_alone
from loyalty.members.enrol import NewMember, enrol
from loyalty.members.identify import Identifier
from loyalty.members.queries import membership_of
from loyalty.programs.pause import pause_program, resume_program
from loyalty.programs.queries import Program
from loyalty.transaction import transaction
from tests.earning.given import bought, stored
from tests.opened import AT, joined, opened
from tests.tenant import TestTenant

_TRIED = text("UPDATE unsettled SET tries = :tries WHERE activity_id = :id")


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program)
    return program


def test_a_claim_carries_the_purchase_and_whom_it_is_meant_for(
    session: Session, program: Program
) -> None:
    enrol(session, program, NewMember("bob", (Identifier("card", "77"),)), AT)
    known, by_card, stranger, no_card = stored(
        session,
        program,
        bought("12.5", "ann", body={"store": "s1"}),
        bought(identifier=("card", "77")),
        bought(member_id="nobody"),
        bought(identifier=("card", "78")),
    )
    rows = {row.id: row for row in claim(session, [known], top_up=True)}
    ann = membership_of(session, program.id, "ann")
    bob = membership_of(session, program.id, "bob")
    assert (rows[known].membership_id, rows[known].account_id) == (ann.id, ann.account_id)
    assert (rows[by_card].membership_id, rows[by_card].account_id) == (bob.id, bob.account_id)
    assert rows[stranger].membership_id is rows[no_card].membership_id is None
    assert (rows[known].amount, rows[known].body) == (12.5, {"store": "s1"})


def test_a_member_of_another_program_is_a_stranger_here(session: Session, program: Program) -> None:
    other = opened(session, "air")
    [purchase] = stored(session, other, bought())
    [row] = claim(session, [purchase], top_up=False)
    assert (row.program_id, row.membership_id) == (other.id, None)


def test_a_claim_is_topped_up_with_the_oldest_to_a_full_batch(
    session: Session, program: Program
) -> None:
    ids = stored(session, program, *(bought(key=f"{number:04}") for number in range(250)))
    named = ids[-10:]
    assert [row.id for row in claim(session, named, top_up=False)] == named
    topped_up = [row.id for row in claim(session, named, top_up=True)]
    assert topped_up == ids[: MOST_AT_ONCE - len(named)] + named


def test_what_was_resent_often_is_claimed_only_by_name(session: Session, program: Program) -> None:
    often, once = stored(session, program, bought(key="a"), bought(key="b"))
    session.execute(_TRIED, {"id": often, "tries": ALONE_FROM})
    session.execute(_TRIED, {"id": once, "tries": ALONE_FROM - 1})
    assert [row.id for row in claim(session, [], top_up=True)] == [once]
    assert [row.id for row in claim(session, [often], top_up=False)] == [often]


def test_a_paused_program_keeps_its_purchases_open(session: Session, program: Program) -> None:
    other = opened(session, "air")
    [waits] = stored(session, program, bought())
    [goes_on] = stored(session, other, bought())
    pause_program(session, "wine", reason="a test", by=By("ops", None, AT))
    assert [row.id for row in claim(session, [waits, goes_on], top_up=True)] == [goes_on]
    resume_program(session, "wine", reason="a test", by=By("ops", None, AT))
    assert {row.id for row in claim(session, [], top_up=True)} == {waits, goes_on}


def test_what_another_worker_holds_is_skipped_at_once(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        ids = stored(session, opened(session), *(bought(key=str(number)) for number in range(4)))
    with transaction(tenant.id) as one, transaction(tenant.id) as other:
        other.execute(text("SET LOCAL lock_timeout = '1ms'"))  # it must not even wait
        assert [row.id for row in claim(one, ids[:2], top_up=False)] == ids[:2]
        assert [row.id for row in claim(other, ids, top_up=True)] == ids[2:]
        assert claim(other, ids[:2], top_up=True) == claim(other, [], top_up=True)
    with transaction(tenant.id) as session:
        assert [row.id for row in claim(session, ids, top_up=False)] == ids


def test_only_what_was_resent_often_is_counted_when_it_is_claimed_alone(
    session: Session, program: Program
) -> None:
    healthy, often = stored(session, program, bought(key="a"), bought(key="b"))
    session.execute(_TRIED, {"id": often, "tries": ALONE_FROM})
    assert [count_claim_alone(session, healthy) for _ in range(2)] == [0, 0]
    assert [count_claim_alone(session, often) for _ in range(3)] == [1, 2, 3]
    session.execute(text("DELETE FROM unsettled WHERE activity_id = :id"), {"id": often})
    assert count_claim_alone(session, often) == 0
