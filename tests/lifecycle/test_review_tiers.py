"""What time does to tiers: kept or fallen at a period's end, warned of before, each once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.lifecycle.recount_tiers import programs_to_recount, recount_tiers
from loyalty.lifecycle.review_tiers import programs_with_due, review_tiers
from loyalty.members.enrol import NewMember
from loyalty.people.answer import member_answer
from loyalty.programs.change_program import change_program
from loyalty.programs.pause import pause_program
from loyalty.programs.queries import Program, program_by_slug
from loyalty.programs.settings import TierSetting
from loyalty.tiers.assign import assign_tier
from loyalty.tiers.set_tiers import set_tiers
from loyalty.transaction import across_tenants, transaction
from tests.opened import AT, give, joined
from tests.tenant import TestTenant
from tests.tiers.given import DAY, buy, days, events, review, standing, tier, windowed

YEARLY = {"window": "rolling_12_months", "fall": "to_balance"}
UNTIL = datetime(2027, 7, 1, 12, tzinfo=UTC)


def _gold(session: Session, **policy: object) -> Program:
    program = windowed(session, **{**YEARLY, **policy})
    joined(session, program)
    buy(session, program, "500", AT)
    return program


def test_who_does_not_reach_it_any_more_falls_when_the_period_ends(session: Session) -> None:
    program = _gold(session, warn_days=0)
    assert review(session, program, UNTIL - DAY) == 0
    assert review(session, program, UNTIL) == 1
    assert tier(session, program) == ("basic", None)
    assert standing(session, program).tier_since == UNTIL
    assert events(session)[-1] == (
        "tier.lowered",
        {"member_id": "ann", "from": "gold", "to": "basic", "until": None, "why": "period_ended"},
    )
    assert review(session, program, UNTIL + 400 * DAY) == 0


def test_who_reaches_it_again_keeps_it_for_another_period(session: Session) -> None:
    program = _gold(session, warn_days=0)
    buy(session, program, "499", UNTIL - 10 * DAY)
    buy(session, program, "1", UNTIL - DAY / 24)  # by now the first purchase counts no more
    review(session, program, UNTIL)
    assert tier(session, program) == ("gold", UNTIL.replace(year=2028))
    assert standing(session, program).tier_since == AT
    assert len(events(session)) == 1


def test_the_last_day_of_the_year_counts_for_it(session: Session) -> None:
    program = windowed(
        session,
        window="calendar_year",
        fall="to_balance",
        period={"kind": "end_of_year"},
        warn_days=0,
    )
    joined(session, program)
    buy(session, program, "500", datetime(2026, 12, 31, 23, tzinfo=UTC))
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert tier(session, program) == ("gold", new_year)
    review(session, program, new_year)
    assert tier(session, program) == ("gold", datetime(2028, 1, 1, tzinfo=UTC))
    review(session, program, datetime(2028, 1, 1, tzinfo=UTC))
    assert tier(session, program) == ("basic", None)


def test_a_review_years_late_judges_each_period(session: Session) -> None:
    program = windowed(session, window="rolling_12_months", fall="one_down", warn_days=0)
    joined(session, program)
    buy(session, program, "1000", AT)
    review(session, program, UNTIL.replace(year=2028))
    assert tier(session, program) == ("basic", None)
    assert standing(session, program).tier_since == UNTIL.replace(year=2028)
    assert [name for name, _ in events(session)] == ["tier.raised", "tier.lowered"]


def test_who_will_fall_is_told_once_before(session: Session) -> None:
    program = _gold(session, warn_days=30)
    assert review(session, program, UNTIL - 31 * DAY) == 0
    assert review(session, program, UNTIL - 30 * DAY) == 1
    assert review(session, program, UNTIL - 29 * DAY) == 0
    assert events(session)[1:] == [
        (
            "tier.will_fall",
            {
                "member_id": "ann",
                "tier": "gold",
                "until": "2027-07-01T12:00:00+00:00",
                "missing": {"points": 500},
            },
        )
    ]
    assert tier(session, program) == ("gold", UNTIL)


def test_who_will_keep_it_is_not_warned(session: Session) -> None:
    program = windowed(session, **YEARLY, warn_days=30)
    joined(session, program)
    assign_tier(session, program, "ann", "gold", None, reason="tea", by=By("sue", None, AT))
    buy(session, program, "500", UNTIL - 40 * DAY)
    assert review(session, program, UNTIL - 30 * DAY) == 1
    assert len(events(session)) == 1


def test_the_answer_is_right_before_the_review_has_come(session: Session) -> None:
    program = _gold(session)
    answer = member_answer(session, program, "ann", UNTIL)
    assert (answer.tier.key, answer.tier_since, answer.tier_until, answer.keep) == (
        "basic",
        UNTIL,
        None,
        None,
    )
    assert tier(session, program)[0] == "gold"


def test_what_counts_in_all_can_fall_too(session: Session) -> None:
    program = windowed(session, fall="to_balance", warn_days=0)
    joined(session, program, points=500)
    session.execute(text("UPDATE account SET tier_points = 499"))  # as a return would
    review(session, program, UNTIL)
    assert tier(session, program) == ("basic", None)


def test_who_has_left_is_looked_at_no_more(session: Session) -> None:
    program = _gold(session, warn_days=0)
    leave(session, program, "ann", by=By("ann", None, AT + DAY))
    assert review(session, program, UNTIL) == 1
    assert (tier(session, program)[0], len(events(session))) == ("gold", 1)
    join(session, program, NewMember("ann"), UNTIL)
    assert tier(session, program) == ("basic", None)


def _follow(session: Session, program: Program, at: datetime, most: int = 2) -> int:
    batches = 1
    while recount_tiers(session, program.id, at, most=most):
        batches += 1
    return batches


def test_members_follow_another_policy(session: Session) -> None:
    program = windowed(session)
    for number in range(5):
        joined(session, program, f"m-{number}")
    buy(session, program, "600", AT - 200 * DAY, "m-3", at=AT)
    buy(session, program, "1000", AT, "m-4")
    program = change_program(session, program, {"tier_policy": YEARLY})
    assert _follow(session, program, AT) == 3
    assert tier(session, program, "m-0") == ("basic", None)
    assert tier(session, program, "m-3") == ("gold", UNTIL)
    assert tier(session, program, "m-4") == ("platinum", UNTIL)
    assert sorted(points for points, _ in days(session).values()) == [600, 1000]
    assert not recount_tiers(session, program.id, AT, most=2)
    program = change_program(session, program, {"tier_policy": None})
    _follow(session, program, AT)
    assert tier(session, program, "m-4") == ("platinum", None)
    assert days(session) == {}


def test_an_award_is_not_too_early_for_another_policy(session: Session) -> None:
    program = windowed(session)
    joined(session, program)
    buy(session, program, "400", AT - 200 * DAY, at=AT)
    program = change_program(session, program, {"tier_policy": YEARLY})
    buy(session, program, "100", AT)
    assert tier(session, program) == ("gold", UNTIL)
    assert sorted(points for points, _ in days(session).values()) == [100, 400]


def test_another_zone_is_another_day(session: Session) -> None:
    program = _gold(session)
    late = datetime(2026, 7, 5, 23, 30, tzinfo=UTC)
    buy(session, program, "7", late)
    program = change_program(session, program, {"time_zone": "Europe/Paris"})
    _follow(session, program, late)
    assert list(days(session)) == ["2026-07-01", "2026-07-06"]


def test_a_new_lowest_tier_lets_the_former_one_end(session: Session) -> None:
    program = _gold(session)
    joined(session, program, "bob")
    lower = [TierSetting("new", "New", 0), TierSetting("basic", "Basic", 10)]
    gold = [TierSetting("gold", "Gold", 500), TierSetting("platinum", "Platinum", 1000)]
    set_tiers(session, program, lower + gold, by=By("eve", None, AT))
    program = program_by_slug(session, program.slug)
    _follow(session, program, AT)
    assert tier(session, program, "bob") == ("basic", UNTIL)
    review(session, program, UNTIL)
    assert tier(session, program, "bob") == ("new", None)


@pytest.fixture
def golden(tenant: TestTenant) -> tuple[int, int]:
    """(tenant, program), committed, with thirty members whose gold is due."""
    with transaction(tenant.id) as session:
        program = windowed(session, **YEARLY, warn_days=0)
        for number in range(30):
            joined(session, program, f"m-{number}")
            give(session, program, 500, f"m-{number}")
    return tenant.id, program.id


def _in_one_batch(tenant_id: int, program_id: int, most: int = 10) -> int:
    with transaction(tenant_id) as session:
        return review_tiers(session, program_id, UNTIL, most=most)


def test_two_reviews_at_once_share_and_a_killed_one_leaves_nothing(
    golden: tuple[int, int],
) -> None:
    tenant_id, program_id = golden

    with transaction(tenant_id) as first:
        assert review_tiers(first, program_id, UNTIL, most=10) == 10
        assert _in_one_batch(tenant_id, program_id) == 0  # the same ten, in hand
        assert _in_one_batch(tenant_id, program_id, most=15) == 5
        first.rollback()  # as if the process ended here
    seen = 5
    while batch := _in_one_batch(tenant_id, program_id):
        seen += batch
    assert seen == 30
    with transaction(tenant_id) as session:
        lowered = [data["member_id"] for name, data in events(session) if name == "tier.lowered"]
    assert sorted(lowered) == sorted(f"m-{number}" for number in range(30))


def test_who_is_due_is_found_by_the_tenants_own_clock(golden: tuple[int, int]) -> None:
    with across_tenants() as session:
        assert golden not in programs_with_due(session, UNTIL - DAY)
        assert golden in programs_with_due(session, UNTIL)
        assert golden not in programs_to_recount(session)
    with transaction(golden[0]) as session:
        pause_program(session, "wine", reason="tea", by=By("eve", None, AT))
    with across_tenants() as session:
        assert golden not in programs_with_due(session, UNTIL)
