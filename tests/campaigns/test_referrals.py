"""Members bring members: each is brought once, and both are rewarded once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.refer import ReferralsClosed, make_referral_code, referral_code
from loyalty.campaigns.referral_rule import ReferralRule, referral_rule, set_referral_rule
from loyalty.campaigns.referrals import referrals_of
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.earning.award import award_activities
from loyalty.errors import Invalid, NotFound
from loyalty.ledger.rules import Balance
from loyalty.members.enrol import NewMember
from loyalty.members.queries import NotActive
from loyalty.programs.queries import Program
from tests.campaigns.given import counted, events, running, settle_all
from tests.earning.given import bought, count, stored
from tests.opened import AT, balance, joined, opened

RULE = ReferralRule(active=True, referrer_points=50, referred_points=20)


def rule(session: Session, program: Program, wanted: ReferralRule = RULE) -> None:
    set_referral_rule(session, program, wanted, by=By("test", None, AT))


def brought(session: Session, program: Program, member_id: str, code: str) -> None:
    join(session, program, NewMember(member_id), AT, referral_code=code)


def buys(session: Session, program: Program, member_id: str, *amounts: str) -> None:
    ids = stored(session, program, *(bought(amount, member_id) for amount in amounts))
    award_activities(session, ids, AT)
    settle_all(session)


@pytest.fixture
def program(session: Session) -> Program:
    """With ann in it."""
    program = opened(session)
    joined(session, program)
    return program


@pytest.fixture
def code(session: Session, program: Program) -> str:
    """Ann's, in a program that takes referrals."""
    rule(session, program)
    return make_referral_code(session, program.id, "ann", AT)


def test_a_member_has_one_code_for_ever(session: Session, program: Program) -> None:
    joined(session, program, "bob")
    with pytest.raises(NotFound):
        referral_code(session, program.id, "ann")
    first = make_referral_code(session, program.id, "ann", AT)
    assert make_referral_code(session, program.id, "ann", AT) == first
    assert referral_code(session, program.id, "ann") == first
    assert make_referral_code(session, program.id, "bob", AT) != first
    leave(session, program, "bob", by=By("bob", None, AT))
    with pytest.raises(NotActive):
        make_referral_code(session, program.id, "bob", AT)


def test_both_are_rewarded_after_the_first_purchase_and_never_again(
    session: Session, program: Program, code: str
) -> None:
    brought(session, program, "bob", code.lower())
    assert balance(session, program) == balance(session, program, "bob") == Balance()
    buys(session, program, "ann", "5")  # of who brought: nothing to do with it
    [waiting] = referrals_of(session, program.id)
    assert (waiting.referrer, waiting.referred, waiting.status) == ("ann", "bob", "open")
    buys(session, program, "bob", "7", "8")
    buys(session, program, "bob", "9")
    assert balance(session, program) == Balance(available=5 + 50)
    assert balance(session, program, "bob") == Balance(available=7 + 8 + 9 + 20)
    [done] = referrals_of(session, program.id, referrer="ann")
    assert done.status == "completed"
    assert referrals_of(session, program.id, referrer="bob") == []
    assert events(session, "referral.completed") == [
        (
            "member ann",
            {
                "referral": str(done.id),
                "referred": "bob",
                "activity_id": str(done.activity_id),
                "referrer_points": 50,
                "referred_points": 20,
            },
        )
    ]


def test_a_purchase_that_is_worth_too_little_completes_nothing(
    session: Session, program: Program, code: str
) -> None:
    rule(session, program, replace(RULE, least_amount=Decimal(10)))
    brought(session, program, "bob", code)
    buys(session, program, "bob", "9.99")
    assert balance(session, program) == Balance()
    buys(session, program, "bob", "10")
    assert balance(session, program) == Balance(available=50)


def test_what_was_promised_is_kept_when_the_rule_changes(
    session: Session, program: Program, code: str
) -> None:
    brought(session, program, "bob", code)
    rule(session, program, ReferralRule())
    assert referral_rule(session, program.id).version == 2
    with pytest.raises(ReferralsClosed):
        brought(session, program, "carl", code)
    buys(session, program, "bob", "1")
    assert balance(session, program) == Balance(available=50)


def test_nobody_refers_themselves(session: Session, program: Program, code: str) -> None:
    leave(session, program, "ann", by=By("ann", None, AT))
    with pytest.raises(Invalid) as refused:
        brought(session, program, "ann", code)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [
        ("/referral_code", "own_code")
    ]


def test_a_code_of_nobody_or_of_who_has_left_is_refused(
    session: Session, program: Program, code: str
) -> None:
    leave(session, program, "ann", by=By("ann", None, AT))
    for member_id, unknown in (("bob", code), ("carl", "NOBODYS")):
        with pytest.raises(Invalid) as refused:
            brought(session, program, member_id, unknown)
        assert refused.value.errors[0].code == "unknown_code"


def test_a_code_is_of_one_program(session: Session, program: Program, code: str) -> None:
    other = opened(session, "beer")
    rule(session, other)
    with pytest.raises(Invalid):
        brought(session, other, "bob", code)


def test_leaving_and_joining_again_does_not_count(
    session: Session, program: Program, code: str
) -> None:
    joined(session, program, "bob")  # came by themselves
    brought(session, program, "carl", code)
    for again in ("bob", "carl"):
        leave(session, program, again, by=By(again, None, AT))
        brought(session, program, again, code)
    assert count(session, "referral") == 1
    buys(session, program, "bob", "1")
    assert balance(session, program) == Balance()
    buys(session, program, "carl", "1")
    assert balance(session, program) == Balance(available=50)


def test_a_campaign_counts_whom_a_member_has_brought(
    session: Session, program: Program, code: str
) -> None:
    rule(session, program, replace(RULE, referrer_points=0))
    running(session, program, {"kind": "referral", "times": 2})
    for friend in ("bob", "carl"):
        brought(session, program, friend, code)
        buys(session, program, friend, "1")
    assert counted(session, program) == ("completed", 1, [2])
    assert balance(session, program) == Balance(available=100)
