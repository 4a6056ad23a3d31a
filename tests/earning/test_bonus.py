"""Points of the house itself go the way of every purchase, exactly once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from marshmallow import ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.suspend import suspend
from loyalty.earning.award import award_activities
from loyalty.earning.bonus import pay_bonus
from loyalty.earning.explain import explain
from loyalty.earning.queries import tell_one
from loyalty.ledger.rules import MAX_POINTS, Balance
from loyalty.members.queries import membership_of
from loyalty.people.statement import statement
from loyalty.programs.queries import Program
from loyalty.web.earn_schema import EARN
from tests.earning.given import awarded, open_ids, setback
from tests.opened import AT, balance, joined, opened


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program)
    return program


def paid(session: Session, program: Program, points: int = 70, key: str = "b-1") -> UUID:
    return pay_bonus(
        session,
        program.id,
        "ann",
        points,
        key=key,
        why={"name": "Ten coffees", "campaign": "coffee"},
        occurred_at=AT - timedelta(days=1),
        at=AT,
    )


def test_a_bonus_is_awarded_as_promised_whatever_the_promotions_say(
    session: Session, program: Program
) -> None:
    activity = paid(session, program)
    assert open_ids(session) == [activity]
    award_activities(session, [activity], AT)
    assert awarded(session, activity) == 70
    assert balance(session, program) == Balance(available=70)
    told = tell_one(session, activity)
    [why] = explain(session, [told])
    assert (told.kind, told.source) == ("bonus", ":bonus")
    assert why is not None
    assert why["sentence"] == "70 points: Ten coffees."
    [line] = statement(session, program, "ann", before=None, limit=10)
    assert line.text == "70 points earned (Ten coffees)"
    assert line.occurred_at == AT - timedelta(days=1)


def test_the_same_key_is_one_bonus(session: Session, program: Program) -> None:
    first, again = paid(session, program), paid(session, program)
    assert first == again
    award_activities(session, [first], AT)
    assert paid(session, program) == first
    award_activities(session, [first], AT)
    assert balance(session, program) == Balance(available=70)


def test_a_bonus_counts_for_the_tier(session: Session, program: Program) -> None:
    award_activities(session, [paid(session, program, 500)], AT)
    assert membership_of(session, program.id, "ann").tier_key == "gold"


def test_a_bonus_of_nothing_is_awarded_and_moves_nothing(
    session: Session, program: Program
) -> None:
    activity = paid(session, program, 0)
    award_activities(session, [activity], AT)
    assert awarded(session, activity) == 0
    assert session.execute(text("SELECT count(*) FROM entry")).scalar_one() == 0


def test_a_bonus_waits_for_who_is_suspended_and_does_not_overfill(
    session: Session, program: Program
) -> None:
    joined(session, program, "rich", MAX_POINTS)
    suspend(session, program, "ann", reason="a test", by=By("ops", None, AT))
    waits = paid(session, program)
    too_many = pay_bonus(
        session, program.id, "rich", 1, key="b-2", why={"name": "x"}, occurred_at=AT, at=AT
    )
    award_activities(session, [waits, too_many], AT)
    assert setback(session, waits) == ("parked", "suspended")
    assert setback(session, too_many) == ("rejected", "account_full")


def test_nobody_outside_can_speak_as_the_house() -> None:
    with pytest.raises(ValidationError) as refused:
        EARN.load({"source": ":bonus"})
    [refusal] = refused.value.messages_dict["source"]
    assert refusal.code == "reserved"
