"""A person puts a member on a tier, and may promise it until a date."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.care.leave import leave
from loyalty.errors import Invalid
from loyalty.members.queries import NotActive, NotEnrolled
from loyalty.programs.queries import Program
from loyalty.tiers.assign import assign_tier
from tests.opened import AT, joined
from tests.tiers.given import DAY, buy, events, review, standing, tier, windowed

YEARLY = {"window": "rolling_12_months", "fall": "to_balance"}
NEXT_YEAR = datetime(2027, 7, 1, 12, tzinfo=UTC)


def _assign(
    session: Session,
    program: Program,
    key: str,
    until: datetime | None = None,
    at: datetime = AT,
    member_id: str = "ann",
) -> None:
    assign_tier(
        session,
        program,
        member_id,
        key,
        until,
        reason="a friend of the house",
        by=By("support:sue", "r1", at),
    )


def test_it_lasts_a_period_and_is_told(session: Session) -> None:
    program = windowed(session, **YEARLY)
    joined(session, program)
    _assign(session, program, "platinum")
    assert tier(session, program) == ("platinum", NEXT_YEAR)
    [(name, told)] = events(session)
    assert (name, told["to"], told["why"]) == ("tier.raised", "platinum", "assigned")
    [record, *_] = records(session, None, 1)
    assert (record.act, record.reason) == ("member.tier", "a friend of the house")
    assert (record.before, record.after) == (
        {"tier": "basic"},
        {"tier": "platinum", "protected_until": None},
    )


def test_a_promise_holds_until_its_date(session: Session) -> None:
    program = windowed(session, **YEARLY)
    joined(session, program)
    promised = NEXT_YEAR + 100 * DAY
    _assign(session, program, "gold", promised)
    assert tier(session, program) == ("gold", promised)
    review(session, program, promised - DAY)
    assert tier(session, program)[0] == "gold"
    review(session, program, promised)
    assert tier(session, program) == ("basic", None)


def test_a_promise_outlasts_a_rise(session: Session) -> None:
    program = windowed(session, **YEARLY)
    joined(session, program)
    promised = NEXT_YEAR + 100 * DAY
    _assign(session, program, "gold", promised)
    buy(session, program, "1000", AT + DAY)
    assert tier(session, program) == ("platinum", promised)
    assert standing(session, program).tier_protected_until == promised


def test_a_lower_tier_is_told_and_risen_from(session: Session) -> None:
    program = windowed(session, **YEARLY)
    joined(session, program)
    buy(session, program, "600", AT)
    _assign(session, program, "basic")
    assert [name for name, _ in events(session)] == ["tier.raised", "tier.lowered"]
    assert tier(session, program) == ("basic", None)
    buy(session, program, "1", AT + DAY)
    assert tier(session, program)[0] == "gold"


def test_the_same_tier_again_keeps_since_when(session: Session) -> None:
    program = windowed(session, **YEARLY)
    joined(session, program)
    _assign(session, program, "gold")
    _assign(session, program, "gold", NEXT_YEAR + DAY, AT + DAY)
    assert standing(session, program).tier_since == AT
    assert tier(session, program)[1] == NEXT_YEAR + DAY
    assert len(events(session)) == 1


def test_what_cannot_be(session: Session) -> None:
    program = windowed(session, **YEARLY)
    joined(session, program)
    with pytest.raises(Invalid):
        _assign(session, program, "diamond")
    with pytest.raises(Invalid):
        _assign(session, program, "gold", AT)
    with pytest.raises(NotEnrolled):
        _assign(session, program, "gold", member_id="bob")
    leave(session, program, "ann", by=By("ann", None, AT))
    with pytest.raises(NotActive):
        _assign(session, program, "gold")
