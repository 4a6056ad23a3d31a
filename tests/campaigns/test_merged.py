"""What two members have come to is one's when they are merged."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.refer import make_referral_code
from loyalty.campaigns.referral_rule import ReferralRule, set_referral_rule
from loyalty.care.join import join
from loyalty.care.merge import Merge, merge
from loyalty.earning.award import award_activities
from loyalty.ledger.rules import Balance
from loyalty.members.enrol import NewMember
from loyalty.people.redemptions import redemptions
from loyalty.programs.queries import Program
from loyalty.redemption.give_reward import give_reward
from tests.campaigns.given import coffees, counted, running, settle_all
from tests.campaigns.test_gifts import MUG, gifts
from tests.earning.given import bought, stored
from tests.opened import AT, balance, joined, opened
from tests.rewards.given import offered


@pytest.fixture
def program(session: Session) -> Program:
    """Ann and Bob are in it."""
    program = opened(session)
    joined(session, program, "ann")
    joined(session, program, "bob")
    return program


def bob_is_ann(session: Session) -> None:
    order = Merge("bob", "ann", "one and the same")
    merge(session, order, by=By("test", None, AT))


def test_what_both_have_counted_counts_together(session: Session, program: Program) -> None:
    running(session, program, times=3)
    coffees(session, program, 14)
    coffees(session, program, 17, member_id="bob")
    bob_is_ann(session)
    assert counted(session, program) == ("in_progress", 2, [10])
    coffees(session, program, 1)
    settle_all(session)
    assert counted(session, program) == ("completed", 3, [10])
    assert balance(session, program) == Balance(available=14 + 17 + 1 + 300)


def test_the_boost_of_who_was_merged_goes_on(session: Session, program: Program) -> None:
    boost = {"kind": "multiplier", "factor": "2", "days": 3}
    running(session, program, rewards=[boost])
    coffees(session, program, 10, member_id="bob")
    bob_is_ann(session)
    coffees(session, program, 3, occurred_at=AT + timedelta(hours=1))
    assert balance(session, program) == Balance(available=10 + 6)


def test_what_was_won_before_is_given_to_the_survivor(session: Session, program: Program) -> None:
    offered(session, program, "mug")
    running(session, program, rewards=[MUG])
    coffees(session, program, 10, member_id="bob")
    bob_is_ann(session)
    [gift] = gifts(session)
    assert give_reward(session, gift.id, AT)
    [given] = redemptions(session, program, "ann", AT, before=None, limit=10)
    assert (given.id, given.points) == (gift.id, 0)


def test_who_brought_a_friend_is_rewarded_as_the_survivor(
    session: Session, program: Program
) -> None:
    rule = ReferralRule(active=True, referrer_points=50, referred_points=20)
    set_referral_rule(session, program, rule, by=By("test", None, AT))
    code = make_referral_code(session, program.id, "bob", AT)
    join(session, program, NewMember("carl"), AT, referral_code=code)
    bob_is_ann(session)
    award_activities(session, stored(session, program, bought("1", "carl")), AT, top_up=False)
    settle_all(session)
    assert balance(session, program) == Balance(available=50)
