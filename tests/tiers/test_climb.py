"""What an award counts for a tier, and who rises by it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.members.enrol import NewMember
from loyalty.people.answer import member_answer
from loyalty.tiers.queries import tier_at
from loyalty.tiers.rules import Keep, Tier
from tests.opened import AT, give, joined
from tests.tiers.given import DAY, buy, days, events, standing, tier, windowed

ROLLING = {"window": "rolling_12_months", "fall": "to_balance"}


def test_only_what_is_in_the_window_counts(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program)
    buy(session, program, "400", AT - 364 * DAY)
    buy(session, program, "99", AT)
    assert tier(session, program) == ("basic", None)
    buy(session, program, "1", AT)
    assert tier(session, program) == ("gold", datetime(2027, 7, 1, 12, tzinfo=UTC))
    buy(session, program, "500", AT + 2 * DAY)
    assert tier(session, program)[0] == "gold"  # the first 400 have dropped out
    assert days(session) == {
        "2025-07-02": (400, Decimal(400)),
        "2026-07-01": (100, Decimal(100)),
        "2026-07-03": (500, Decimal(500)),
    }


def test_purchases_of_one_batch_climb_together(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program)
    for _ in range(2):
        buy(session, program, "250", AT)
    assert tier(session, program)[0] == "gold"
    assert [name for name, _ in events(session)] == ["tier.raised"]
    [(_, told)] = events(session)
    assert told == {
        "member_id": "ann",
        "from": "basic",
        "to": "gold",
        "until": "2027-07-01T12:00:00+00:00",
        "why": "earned",
    }


def test_who_rises_at_once_is_told_with_the_default_policy_too(session: Session) -> None:
    program = windowed(session)
    joined(session, program)
    buy(session, program, "1000", AT)
    assert tier(session, program) == ("platinum", None)
    [(name, told)] = events(session)
    assert (name, told["from"], told["to"], told["until"]) == (
        "tier.raised",
        "basic",
        "platinum",
        None,
    )
    assert days(session) == {}


def test_money_counts_where_the_program_says_so(session: Session) -> None:
    program = windowed(session, window="calendar_year", on="spend")
    joined(session, program)
    paid = {"payments": [{"kind": "points", "amount": "40"}, {"kind": "card", "amount": "460"}]}
    buy(session, program, "500", AT, body=paid)
    give(session, program, 5000)
    assert tier(session, program)[0] == "basic"
    assert days(session) == {"2026-07-01": (5460, Decimal(460))}
    answer = member_answer(session, program, "ann", AT)
    assert answer.next_tier == (Tier("gold", "Gold", 500), Decimal(40))
    buy(session, program, "40", AT)
    assert tier(session, program)[0] == "gold"


def test_what_is_late_counts_for_the_year_it_occurred_in(session: Session) -> None:
    program = windowed(
        session, window="calendar_year", fall="to_balance", period={"kind": "end_of_next_year"}
    )
    joined(session, program)
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    buy(session, program, "500", new_year - DAY, at=new_year + DAY)
    assert tier(session, program) == ("gold", datetime(2028, 1, 1, tzinfo=UTC))
    assert standing(session, program).tier_since == new_year + DAY


@pytest.mark.parametrize(
    ("window", "key"), [("since_joining", "basic"), ("ever", "gold"), ("calendar_year", "gold")]
)
def test_what_occurred_before_joining(session: Session, window: str, key: str) -> None:
    program = windowed(session, window=window)
    joined(session, program)
    buy(session, program, "500", AT - 3 * DAY, at=AT)
    assert tier(session, program)[0] == key


def test_who_joins_again_starts_at_nothing(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program)
    buy(session, program, "499", AT)
    leave(session, program, "ann", by=By("ann", None, AT + DAY))
    join(session, program, NewMember("ann"), AT + 2 * DAY)
    assert member_answer(session, program, "ann", AT + 2 * DAY).next_tier == (
        Tier("gold", "Gold", 500),
        500,
    )
    buy(session, program, "1", AT + 3 * DAY)
    assert tier(session, program)[0] == "basic"
    assert days(session) == {"2026-07-04": (1, Decimal(1))}


def test_the_answer_says_what_keeps_the_tier(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program)
    buy(session, program, "600", AT)
    buy(session, program, "100", AT + DAY)
    answer = member_answer(session, program, "ann", AT + DAY)
    until = datetime(2027, 7, 1, 12, tzinfo=UTC)
    assert answer.tier_until == until
    assert answer.next_tier == (Tier("platinum", "Platinum", 1000), 300)
    assert answer.keep == Keep(until, 400)  # on its last day the first purchase counts no more
    buy(session, program, "400", AT + 2 * DAY)
    assert member_answer(session, program, "ann", AT + 2 * DAY).tier.key == "platinum"


def test_nobody_keeps_what_is_never_lost(session: Session) -> None:
    program = windowed(session)
    joined(session, program, points=600)
    assert member_answer(session, program, "ann", AT).keep is None


def test_the_most_points_fit_into_a_day(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program, points=2**53 - 1)
    assert tier(session, program)[0] == "platinum"
    give(session, program, -10)
    give(session, program, 10)
    assert days(session) == {"2026-07-01": (2**53 - 1, Decimal(0))}


def test_an_award_sees_no_tier_whose_period_is_over(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program)
    buy(session, program, "500", AT)
    until = datetime(2027, 7, 1, 12, tzinfo=UTC)
    buy(session, program, "1", until)  # and no review has come
    assert tier(session, program) == ("basic", None)
    assert [name for name, _ in events(session)] == ["tier.raised", "tier.lowered"]
    assert session.scalar(
        text("SELECT explanation->'member'->>'tier' FROM award ORDER BY activity_id DESC LIMIT 1")
    ) == ("basic")


def test_who_rises_again_as_the_period_ends_has_lost_nothing(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program)
    buy(session, program, "500", AT)
    until = datetime(2027, 7, 1, 12, tzinfo=UTC)
    buy(session, program, "500", until)
    assert tier(session, program) == ("gold", until.replace(year=2028))
    assert len(events(session)) == 1


def test_a_dry_run_sees_the_tier_of_its_own_instant(session: Session) -> None:
    program = windowed(session, **ROLLING)
    joined(session, program)
    buy(session, program, "500", AT)
    one = standing(session, program)
    until = datetime(2027, 7, 1, 12, tzinfo=UTC)
    keys = [
        tier_at(session, program.id, one.membership_id, 500, at)
        for at in (AT, until - DAY, until, until + 900 * DAY)
    ]
    assert keys == ["gold", "gold", "basic", "basic"]
    assert tier(session, program)[0] == "gold"
