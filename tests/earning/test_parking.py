"""Parked purchases go on when their reason passes, and end when the park window does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.suspend import reinstate, suspend
from loyalty.earning.award import award_activities, fail
from loyalty.earning.parking import expire_parked, reopen
from loyalty.earning.sweep import can_go_on, tenants_with_expired
from loyalty.ledger.rules import Balance
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.programs.queries import Program
from loyalty.transaction import across_tenants, transaction
from tests.earning.given import bought, count, open_ids, setback, status, stored
from tests.opened import AT, balance, joined, opened
from tests.tenant import TestTenant

pytestmark = pytest.mark.usefixtures("alone")
WINDOW = timedelta(days=90)
Act = Callable[[Session, Program], None]


@pytest.fixture
def program(session: Session) -> Program:
    return opened(session)


def judge(session: Session, *ids: UUID) -> None:
    award_activities(session, ids, AT, top_up=False)


def parked(session: Session, program: Program) -> UUID:
    [purchase] = stored(session, program, bought())
    judge(session, purchase)
    assert status(session, purchase) == "parked"
    return purchase


def test_who_enrols_gets_what_was_parked(session: Session, program: Program) -> None:
    others = [*stored(session, program, bought(member_id="bob")), parked(session, program)]
    by_card = stored(session, program, bought("5", identifier=("card", "7")))
    judge(session, *by_card, *others)
    join(session, program, NewMember("ann", (Identifier("card", "7"),)), AT)
    assert set(open_ids(session)) == {others[1], *by_card}
    assert setback(session, others[0]) == ("parked", "not_enrolled")
    judge(session, *open_ids(session))
    assert balance(session, program) == Balance(available=15)


def test_enrolling_in_another_program_frees_nothing_here(
    session: Session, program: Program
) -> None:
    purchase = parked(session, program)
    joined(session, opened(session, "air"))
    assert open_ids(session) == []
    assert status(session, purchase) == "parked"


def test_who_is_reinstated_gets_what_was_parked(session: Session, program: Program) -> None:
    joined(session, program)
    who = ("ann", "a test", "ops")
    _turn(suspend, session, program, who)
    purchase = parked(session, program)
    _turn(reinstate, session, program, who)
    assert open_ids(session) == [purchase]
    judge(session, purchase)
    assert balance(session, program) == Balance(available=10)


def _turn(
    turn: Callable[..., None], session: Session, program: Program, who: tuple[str, str, str]
) -> None:
    member_id, reason, actor = who
    turn(session, program, member_id, reason=reason, by=By(actor, None, AT))


def test_the_park_window_ends_it(session: Session, program: Program) -> None:
    purchase = parked(session, program)
    [judged_again] = [parked(session, program)]
    assert expire_parked(session, AT + WINDOW - timedelta(microseconds=1)) == 0
    assert expire_parked(session, AT + WINDOW, most=1) == 1
    assert setback(session, purchase) == ("rejected", "park_expired")
    assert setback(session, judged_again) == ("parked", "not_enrolled")
    assert expire_parked(session, AT + WINDOW) == 1
    assert expire_parked(session, AT + WINDOW) == 0


def test_what_was_rejected_stays_so(session: Session, program: Program) -> None:
    purchase = parked(session, program)
    expire_parked(session, AT + WINDOW)
    assert reopen(session, [purchase], AT) == 0
    joined(session, program)
    assert open_ids(session) == []
    assert setback(session, purchase) == ("rejected", "park_expired")


def test_what_failed_can_be_tried_again(session: Session, program: Program) -> None:
    joined(session, program)
    [purchase] = stored(session, program, bought())
    session.execute(text("UPDATE unsettled SET tries = 7, claims = 6"))
    assert fail(session, purchase, "KeyError", "a bug", AT)
    assert not fail(session, purchase, "KeyError", "a bug", AT)
    assert (setback(session, purchase), open_ids(session)) == (("failed", "KeyError"), [])
    assert reopen(session, [purchase], AT) == 1
    assert session.execute(text("SELECT tries, claims FROM unsettled")).all() == [(0, 0)]
    judge(session, purchase)
    assert (count(session, "setback"), balance(session, program)) == (0, Balance(available=10))


def test_an_enrolment_during_the_award_is_found_by_the_watch(tenant: TestTenant) -> None:
    """The award sees no member, the enrolment sees nothing parked: neither waits for the other."""
    with transaction(tenant.id) as session:
        program = opened(session)
        [purchase] = stored(session, program, bought())
    with transaction(tenant.id) as worker:
        judge(worker, purchase)
        with transaction(tenant.id) as till:
            joined(till, program)
    with across_tenants() as system:
        assert can_go_on(system)[tenant.id] == [purchase]
    with transaction(tenant.id) as session:
        assert reopen(session, [purchase], AT) == 1
    with across_tenants() as system:
        assert tenant.id not in can_go_on(system)


def test_the_watch_finds_only_those_who_can_earn(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        joined(session, opened(session, "air"), "bob")
        _turn(suspend, session, program, ("ann", "a test", "ops"))
        suspended = parked(session, program)
        [elsewhere] = stored(session, program, bought(member_id="bob"))
        judge(session, elsewhere)
    with across_tenants() as system:
        assert tenant.id not in can_go_on(system)
        assert tenant.id not in tenants_with_expired(system, AT + WINDOW - timedelta(seconds=1))
        assert tenant.id in tenants_with_expired(system, AT + WINDOW)
    with transaction(tenant.id) as session:
        session.execute(text("UPDATE membership SET status = 'active'"))
    with across_tenants() as system:
        assert can_go_on(system)[tenant.id] == [suspended]


def test_a_retry_does_not_make_the_park_window_longer(session: Session) -> None:
    program = opened(session)
    [purchase] = stored(session, program, bought())
    day = timedelta(days=1)
    award_activities(session, [purchase], AT)
    reopen(session, [purchase], AT + 30 * day)
    award_activities(session, [purchase], AT + 30 * day)
    until = session.execute(text("SELECT until FROM setback")).scalar_one()
    assert until == AT + 90 * day
