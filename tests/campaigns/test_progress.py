"""What members do counts for their campaigns, and pays, once; what they return counts no more."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.campaigns.find import campaign_by_key
from loyalty.campaigns.report import CampaignReport, report
from loyalty.campaigns.rules import Happening
from loyalty.campaigns.take_back import take_back
from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.earning.award import award_activities
from loyalty.earning.bonus import pay_bonus
from loyalty.ids import uuid7
from loyalty.ledger.rules import Balance
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from tests.campaigns.given import (
    COFFEES,
    accepted,
    coffees,
    counted,
    draft,
    end,
    events,
    goal,
    publish,
    running,
    settle_all,
)
from tests.earning.given import count
from tests.opened import AT, balance, give, joined, opened

DAY = timedelta(days=1)


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program)
    return program


def test_one_batch_counts_each_purchase_and_pays_each_round_once(
    session: Session, program: Program
) -> None:
    running(session, program, times=2)
    coffees(session, program, 4, 4, 4, 9, 9)
    assert counted(session, program) == ("completed", 2, [10])
    settle_all(session)
    assert balance(session, program) == Balance(available=30 + 200)
    coffees(session, program, 10)
    settle_all(session)
    assert balance(session, program) == Balance(available=30 + 200 + 10)
    assert count(session, "campaign_completion") == 2
    # The fifth purchase came when all was done: it is no step.
    assert count(session, "campaign_step") == 4
    bonuses = session.execute(
        text("SELECT source, transaction_id, body FROM activity WHERE kind = 'bonus' ORDER BY id")
    ).all()
    assert [row.source for row in bonuses] == [":campaign"] * 2
    assert [row.body["why"]["n"] for row in bonuses] == [1, 2]


def test_what_happened_is_told(session: Session, program: Program) -> None:
    running(session, program)
    coffees(session, program, 4)
    [activity] = coffees(session, program, 7)
    assert events(session, "campaign.progressed") == [
        (
            "member ann",
            {
                "campaign": "coffee",
                "completed": completed,
                "goals": [{"counted": now, "wanted": "10"}],
            },
        )
        for completed, now in ((0, "4"), (1, "10"))
    ]
    assert events(session, "campaign.completed") == [
        (
            "member ann",
            {
                "campaign": "coffee",
                "n": 1,
                "cause_id": str(activity),
                "occurred_at": AT.isoformat(),
            },
        )
    ]


def test_a_goal_of_two_campaigns_counts_for_both(session: Session, program: Program) -> None:
    running(session, program)
    draft(session, program, "again", rewards=[{"kind": "points", "points": 7}])
    publish(session, program, "again")
    coffees(session, program, 12)
    settle_all(session)
    assert counted(session, program) == counted(session, program, "again")
    assert balance(session, program) == Balance(available=12 + 100 + 7)


def test_the_window_is_of_when_it_occurred(session: Session, program: Program) -> None:
    running(session, program, starts_at=AT - DAY, ends_at=AT + DAY)
    coffees(session, program, 1, occurred_at=AT - 2 * DAY)
    coffees(session, program, 2, occurred_at=AT - DAY)
    end(session, program, at=AT - timedelta(hours=1))
    coffees(session, program, 3, occurred_at=AT)
    coffees(session, program, 4, occurred_at=AT - timedelta(hours=2))  # comes late
    assert counted(session, program)[2] == [6]


def test_members_stand_apart(session: Session, program: Program) -> None:
    joined(session, program, "bob")
    running(session, program)
    coffees(session, program, 4)
    coffees(session, program, 11, member_id="bob")
    assert counted(session, program) == ("in_progress", 0, [4])
    assert counted(session, program, member_id="bob") == ("completed", 1, [10])
    settle_all(session)
    told = campaign_by_key(session, program, "coffee")
    assert report(session, program.id, told) == CampaignReport(1, 1, 1, 100, 100, 0, 0)


def test_what_is_worth_nothing_counts_and_what_is_refused_does_not(
    session: Session, program: Program
) -> None:
    running(session, program, {"kind": "buy", "times": 5})
    coffees(session, program, 1)
    coffees(session, program, 1, member_id="nobody")
    assert counted(session, program)[2] == [1]


def test_a_tier_is_reached_by_a_purchase_a_bonus_or_an_adjustment(
    session: Session, program: Program
) -> None:
    running(session, program, {"kind": "tier", "tier": "gold"})
    for member_id in ("bob", "carl"):
        joined(session, program, member_id)
    give(session, program, 1000)  # platinum at once: gold was passed on the way
    coffees(session, program, 499, member_id="bob")
    pay_bonus(session, program.id, "bob", 1, key="k", why={"name": "B"}, occurred_at=AT, at=AT)
    coffees(session, program, 500, member_id="carl")
    settle_all(session)
    for member_id, points in (("ann", 1100), ("bob", 600), ("carl", 600)):
        assert counted(session, program, member_id=member_id) == ("completed", 1, [1])
        assert balance(session, program, member_id) == Balance(available=points)


def test_a_multiplier_holds_for_its_days_after_it_was_earned(
    session: Session, program: Program
) -> None:
    joined(session, program, "bob")
    boost = {"kind": "multiplier", "factor": "2.5", "days": 3}
    running(session, program, rewards=[boost])
    hour = timedelta(hours=1)
    coffees(session, program, 10)  # what brings it about is not boosted, nor is its instant
    coffees(session, program, 1)
    coffees(session, program, 3, occurred_at=AT + hour)
    assert balance(session, program) == Balance(available=11 + 7)
    coffees(session, program, 3, member_id="bob", occurred_at=AT + hour)
    assert balance(session, program, "bob") == Balance(available=3)
    coffees(session, program, 1, occurred_at=AT + 3 * DAY)
    coffees(session, program, 1, occurred_at=AT - hour)
    assert balance(session, program) == Balance(available=11 + 7 + 2)
    given = session.execute(
        text("SELECT explanation FROM award ORDER BY account_version DESC LIMIT 3")
    ).scalars()
    assert [one["member"].get("boosts") for one in given] == [None, None, ["coffee"]]


def test_a_boost_holds_for_what_follows_in_the_same_batch(
    session: Session, program: Program
) -> None:
    boost = {"kind": "multiplier", "factor": "2", "days": 3}
    running(session, program, rewards=[boost])
    ids = [
        *accepted(session, program, 10),
        *accepted(session, program, 3, occurred_at=AT + timedelta(hours=1)),
    ]
    award_activities(session, ids, AT, top_up=False)
    assert balance(session, program) == Balance(available=10 + 6)


# Returns -----------------------------------------------------------------------------------------


def returned(session: Session, program: Program, activity: Any, left: int) -> None:
    membership = membership_of(session, program.id, "ann")
    lines = (Line("1", Decimal(left), Decimal(left), "coffee"),) if left else ()
    purchase = Purchase("purchase", AT, Decimal(left), "USD", lines=lines)
    take_back(
        session,
        account_id=membership.account_id,
        membership_id=membership.id,
        activity_id=activity,
        return_id=uuid7(),
        left=Happening(purchase, MemberFacts(AT, "basic", 0)),
        at=AT,
    )


def test_what_is_returned_counts_no_more_line_by_line(session: Session, program: Program) -> None:
    running(session, program)
    [first] = coffees(session, program, 6)
    coffees(session, program, 3)
    returned(session, program, first, left=4)
    assert counted(session, program) == ("in_progress", 0, [7])
    returned(session, program, first, left=0)
    assert counted(session, program) == ("in_progress", 0, [3])
    coffees(session, program, 7)
    assert counted(session, program) == ("completed", 1, [10])


def test_what_was_completed_stays_and_is_made_up_for_before_the_next_round(
    session: Session, program: Program
) -> None:
    running(session, program, times=2)
    [first] = coffees(session, program, 10)
    returned(session, program, first, left=0)
    assert counted(session, program) == ("in_progress", 1, [0])
    coffees(session, program, 10)
    assert counted(session, program) == ("in_progress", 1, [0])
    coffees(session, program, 10)
    settle_all(session)
    assert counted(session, program) == ("completed", 2, [10])
    assert balance(session, program) == Balance(available=30 + 200)


def test_a_tier_that_was_reached_stays_reached_when_its_purchase_is_returned(
    session: Session, program: Program
) -> None:
    goal(session, program, "gold", {"kind": "tier", "tier": "gold"})
    goal(session, program, "coffee", {"kind": "buy", "when": {"sku": ["coffee"]}, "amount": "900"})
    draft(session, program, goals=["gold", "coffee"])
    publish(session, program)
    [purchase] = coffees(session, program, 500)
    assert counted(session, program) == ("in_progress", 0, [1, 500])
    returned(session, program, purchase, left=0)
    assert counted(session, program) == ("in_progress", 0, [1, 0])


def test_what_furthered_nothing_is_returned_without_a_trace(
    session: Session, program: Program
) -> None:
    goal(session, program, "coffee", COFFEES)
    draft(session, program)
    [before] = coffees(session, program, 6)
    publish(session, program)
    coffees(session, program, 5)
    returned(session, program, before, left=0)
    assert counted(session, program) == ("in_progress", 0, [5])
