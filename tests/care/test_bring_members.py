"""Members come along from another system: the new join, the known are brought up to date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.bring_members import Brought, bring_members
from loyalty.care.leave import leave
from loyalty.care.merge import Merge, merge
from loyalty.earning.award import award_activities
from loyalty.members.bring_in import Outcome
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.outbox import handover
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings, TierPolicy
from tests.book.test_checks import verdicts
from tests.earning.given import bought, stored
from tests.opened import AT, joined, opened

DAY = timedelta(days=1)
CARD = Identifier("card", "7")
ANN = Brought(NewMember("ann", (CARD,), "Ann", date(1990, 2, 28), None, {"city": "Bonn"}))
_MEMBERS = text(
    "SELECT m.member_id, m.name, m.attributes, m.version, ms.status, ms.tier_key, ms.joined_at"
    " FROM member m JOIN membership ms ON ms.member_id = m.id ORDER BY m.member_id"
)


@pytest.fixture
def program(session: Session) -> Program:
    """A program in which nobody is."""
    return opened(session)


def told(outcomes: list[Outcome]) -> list[str]:
    """The words, and the codes of refusals."""
    return [
        one if isinstance(one, str) else one.errors[0].code if one.errors else one.code
        for one in outcomes
    ]


def test_who_is_new_joins_and_the_same_again_changes_nothing(
    session: Session, program: Program
) -> None:
    since = AT - 400 * DAY
    people = [ANN, Brought(NewMember("bob"), since, "gold", AT + 90 * DAY)]
    assert bring_members(session, program, people, AT) == ["added", "added"]
    assert bring_members(session, program, people, AT + DAY) == ["unchanged", "unchanged"]
    assert [tuple(row) for row in session.execute(_MEMBERS)] == [
        ("ann", "Ann", {"city": "Bonn"}, 1, "active", "basic", AT),
        ("bob", None, {}, 1, "active", "gold", since),
    ]
    assert session.scalar(text("SELECT count(*) FROM event WHERE type = 'member.joined'")) == 2
    assert verdicts(session)[-1].broken == []


def test_who_is_known_is_brought_up_to_date_and_keeps_tier_and_joining(
    session: Session, program: Program
) -> None:
    joined(session, program, "ann")
    more = replace(ANN, tier="gold", joined_at=AT - DAY)
    assert bring_members(session, program, [more], AT) == ["changed"]
    phone = Identifier("phone", "8")
    further = Brought(NewMember("ann", (CARD, phone), attributes={"size": "M"}))
    assert bring_members(session, program, [further, further], AT) == ["changed", "unchanged"]
    assert [tuple(row) for row in session.execute(_MEMBERS)] == [
        ("ann", "Ann", {"city": "Bonn", "size": "M"}, 3, "active", "basic", AT)
    ]
    assert session.scalar(text("SELECT count(*) FROM identifier")) == 2


def test_a_member_of_another_program_joins_this_one_too(session: Session, program: Program) -> None:
    air = opened(session, "air")
    assert bring_members(session, program, [ANN], AT) == ["added"]
    assert bring_members(session, air, [ANN], AT) == ["added"]
    assert session.scalar(text("SELECT count(*) FROM member")) == 1
    assert session.scalar(text("SELECT count(*) FROM membership")) == 2


def test_each_that_cannot_come_says_why_and_the_others_come(
    session: Session, program: Program
) -> None:
    for name in ("gone", "absorbed", "survivor"):
        joined(session, program, name)
    leave(session, program, "gone", by=By("x", None, AT))
    merge(session, Merge("absorbed", "survivor"), by=By("x", None, AT))
    people = [
        ANN,
        Brought(NewMember("thief", (CARD,))),
        Brought(NewMember("gone", name="G")),
        Brought(NewMember("absorbed")),
        Brought(NewMember("a"), joined_at=AT + DAY),
        Brought(NewMember("b"), tier="silver"),
        Brought(NewMember("c"), tier_until=AT + DAY),
        Brought(NewMember("d"), tier="gold", tier_until=AT),
    ]
    assert told(bring_members(session, program, people, AT)) == [
        "added",
        "identifier_taken",
        "has_left",
        "already_merged",
        "in_the_future",
        "unknown_tier",
        "one_of_two",
        "in_the_past",
    ]
    names = session.scalars(text("SELECT member_id FROM member ORDER BY member_id")).all()
    assert names == ["absorbed", "ann", "gone", "survivor"]
    assert session.scalar(text("SELECT name FROM member WHERE member_id = 'gone'")) is None


def test_a_tier_that_can_fall_has_a_period_and_a_promise(session: Session) -> None:
    settings = ProgramSettings(tier_policy=TierPolicy(fall="to_balance"))
    program = opened(session, settings=settings)
    until = AT + 1000 * DAY
    people = [Brought(NewMember("ann"), tier="gold", tier_until=until)]
    assert bring_members(session, program, people, AT) == ["added"]
    row = session.execute(
        text("SELECT tier_until, tier_protected_until, tier_review_at FROM membership")
    ).one()
    assert (row.tier_until, row.tier_protected_until) == (until, until)
    assert row.tier_review_at is not None


def test_what_was_parked_for_them_goes_on(session: Session, program: Program) -> None:
    by_card = replace(bought("5"), member_id=None, identifier=("card", "7"))
    ids = stored(session, program, bought("3"), by_card)
    award_activities(session, ids, AT)
    assert session.scalar(text("SELECT count(*) FROM setback WHERE status = 'parked'")) == 2
    assert bring_members(session, program, [ANN], AT) == ["added"]
    assert set(session.info["woken"][handover.AWARD]) == set(ids)
    award_activities(session, ids, AT)
    assert session.scalar(text("SELECT sum(available) FROM account")) == 8
