"""Purchases of those who are not enrolled: parked, rejected, or the reason to enrol them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.earning.award import award_activities
from loyalty.earning.try_out import try_out
from loyalty.ledger.rules import Balance
from loyalty.members.enrol import NewMember
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from loyalty.transaction import transaction
from tests.earning.given import bought, count, open_ids, setback, status, stored
from tests.opened import AT, balance, joined, opened
from tests.tenant import TestTenant

Unknown = Literal["park", "reject", "enrol"]


def program_that(session: Session, unknown: Unknown) -> Program:
    return opened(session, settings=ProgramSettings(unknown_member=unknown))


@pytest.mark.parametrize(("unknown", "told"), [("park", "parked"), ("reject", "rejected")])
def test_a_stranger_waits_or_is_refused(session: Session, unknown: Unknown, told: str) -> None:
    program = program_that(session, unknown)
    joined(session, program)
    stranger, by_card, known = stored(
        session,
        program,
        bought(member_id="who"),
        bought(identifier=("card", "1")),
        bought("3"),
    )
    award_activities(session, [stranger, by_card, known], AT)
    assert setback(session, stranger) == setback(session, by_card) == (told, "not_enrolled")
    assert balance(session, program) == Balance(available=3)
    assert count(session, "member") == 1


def test_strangers_are_enrolled_once_and_earn(session: Session) -> None:
    program = program_that(session, "enrol")
    joined(session, program)
    ids = stored(
        session,
        program,
        bought("600", "zoe"),
        bought("1", "ann"),
        bought("2", "ben"),
        bought("500", "zoe"),
    )
    judged = award_activities(session, ids, AT)
    assert (len(judged.awards), judged.setbacks, open_ids(session)) == (4, [], [])
    assert balance(session, program, "zoe") == Balance(available=1100)
    assert balance(session, program, "ben") == Balance(available=2)
    zoe = membership_of(session, program.id, "zoe")
    assert (zoe.status, zoe.tier_key, zoe.joined_at) == ("active", "platinum", AT)
    assert count(session, "membership") == 3


def test_a_member_of_another_program_is_enrolled_here_too(session: Session) -> None:
    joined(session, opened(session, "air"))
    program = program_that(session, "enrol")
    award_activities(session, stored(session, program, bought("5")), AT)
    assert balance(session, program) == Balance(available=5)
    assert (count(session, "member"), count(session, "membership")) == (1, 2)


def test_a_card_alone_does_not_say_whom_to_enrol(session: Session) -> None:
    program = program_that(session, "enrol")
    [purchase] = stored(session, program, bought(identifier=("card", "1")))
    award_activities(session, [purchase], AT)
    assert setback(session, purchase) == ("parked", "not_enrolled")
    assert count(session, "member") == 0


def test_a_purchase_does_not_bring_back_who_has_left(session: Session) -> None:
    program = program_that(session, "enrol")
    joined(session, program)
    leave(session, program, "ann", by=By("ann", None, AT))
    [purchase] = stored(session, program, bought())
    award_activities(session, [purchase], AT)
    assert setback(session, purchase) == ("parked", "not_enrolled")
    assert membership_of(session, program.id, "ann").status == "cancelled"
    join(session, program, NewMember("ann"), AT)
    assert open_ids(session) == [purchase]


def test_what_was_parked_before_goes_on_with_the_enrolment(session: Session) -> None:
    program = program_that(session, "park")
    [early] = stored(session, program, bought("3"))
    award_activities(session, [early], AT)
    session.execute(
        text("""UPDATE program SET settings = settings || '{"unknown_member": "enrol"}'""")
    )
    award_activities(session, stored(session, program, bought("4")), AT)
    assert open_ids(session) == [early]
    award_activities(session, [early], AT)
    assert balance(session, program) == Balance(available=7)


def test_a_dry_run_tells_what_would_become_of_it(session: Session) -> None:
    program = program_that(session, "enrol")
    joined(session, program, "gone")
    leave(session, program, "gone", by=By("gone", None, AT))
    assert try_out(session, program, bought("7"), AT)["points"] == 7
    for nobody in (bought(identifier=("card", "1")), bought(member_id="gone")):
        told = try_out(session, program, nobody, AT)
        assert (told["status"], told["reason"]) == ("parked", "not_enrolled")
    assert (count(session, "member"), count(session, "activity")) == (1, 0)


def test_two_workers_enrol_the_same_strangers_in_turn(tenant: TestTenant) -> None:
    names = [f"m{number:02}" for number in range(20)]
    with transaction(tenant.id) as session:
        program = program_that(session, "enrol")
        one = stored(session, program, *(bought("1", name) for name in names))
        other = stored(session, program, *(bought("2", name) for name in reversed(names)))
    together = threading.Barrier(2)

    def worker(mine: list[UUID]) -> None:
        together.wait(10)
        with transaction(tenant.id) as session:
            award_activities(session, mine, AT, top_up=False)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(worker, [one, other]))
    with transaction(tenant.id) as session:
        assert {balance(session, program, name) for name in names} == {Balance(available=3)}
        assert all(status(session, one) == "awarded" for one in [*one, *other])
