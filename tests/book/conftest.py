"""A small book with a bit of everything, to be looked at, walled off, and broken on purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.refer import make_referral_code
from loyalty.campaigns.referral_rule import ReferralRule, set_referral_rule
from loyalty.campaigns.referrals import referrals_of
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.earning.award import award_activities
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.redemption.cancel import cancel
from loyalty.redemption.redeem import Redeem
from loyalty.redemption.redeem_reward import RedeemReward
from loyalty.tenants.add_key import add_key
from loyalty.tenants.roles import Role
from tests.book.of_care import Cared, cared
from tests.book.of_desk import desked
from tests.book.of_doors import let_in
from tests.book.of_jobs import jobbed
from tests.book.of_mail import written_to
from tests.book.of_openings import Carried, carried
from tests.book.of_returns import CameBack, came_back
from tests.book.of_webhooks import told
from tests.campaigns.given import running
from tests.earning.given import bought, stored
from tests.opened import AT, give, joined, opened, redeemed
from tests.rewards.given import offered, redeemed_reward


@dataclass(frozen=True, slots=True)
class Book:
    """Something in every table: ann earned 100 and 7, was given 50, spent 30 and lost 20.

    Bob has left; a purchase of Carl's is parked, one of ann's is open. Eve has
    completed a campaign, and has brought Finn.
    """

    program: Program
    account: int
    membership: int
    awarded: UUID
    parked: UUID
    open: UUID
    returns: CameBack
    eve: int
    campaign: int
    bonus: UUID
    referral: UUID
    gail: int
    care: Cared
    carried: Carried


def written(session: Session, slug: str = "wine") -> Book:
    """Writes the book into a program of its own; ann's entries are 1 to 5 in the order told."""
    program = opened(session, slug)
    joined(session, program, "ann")
    join(session, program, NewMember("bob", (Identifier("card", slug),)), AT)
    give(session, program, 40, "bob")
    add_key(
        session,
        tenant_id=session.info["tenant_id"],
        name=slug,
        role=Role.SERVER,
        scopes=None,
        sources=None,
        expires_at=None,
        at=AT,
    )
    let_in(session, slug)
    awarded, again, parked = stored(
        session, program, bought("100"), bought("7"), bought("5", "carl")
    )
    award_activities(session, [awarded, again, parked], AT)
    give(session, program, 50)
    redeemed(session, program, Redeem(points=30), key=f"{slug}-burn")
    give(session, program, -20)
    _counted_by_day(session, membership_of(session, program.id, "bob").account_id, 40)
    leave(session, program, "bob", by=By("bob", None, AT))
    desked(session, program)
    told(session, program)
    written_to(session, program)
    [open_still] = stored(session, program, bought("9"))
    ann = membership_of(session, program.id, "ann")
    return Book(
        program,
        ann.account_id,
        ann.id,
        awarded,
        parked,
        open_still,
        came_back(session, program),
        *_campaigned(session, program),
        _shopped(session, program),
        cared(session, program),
        carried(session, program),
    )


def _counted_by_day(session: Session, account_id: int, points: int) -> None:
    """As if the program's tiers had asked for days when the points were given."""
    session.execute(
        text(
            "INSERT INTO tier_progress (tenant_id, account_id, day, points, spend)"
            " VALUES (:tenant, :account, :day, :points, 0)"
        ),
        {
            "tenant": session.info["tenant_id"],
            "account": account_id,
            "day": AT.date(),
            "points": points,
        },
    )


def _campaigned(session: Session, program: Program) -> tuple[int, int, UUID, UUID]:
    """Eve's account, the campaign that she has completed by a visit, the bonus it paid, and the
    referral by which she brought Finn. The pin that she has won was not handed out yet."""
    joined(session, program, "eve")
    rule = ReferralRule(active=True, referrer_points=50, referred_points=20)
    set_referral_rule(session, program, rule, by=By("test", None, AT))
    code = make_referral_code(session, program.id, "eve", AT)
    join(session, program, NewMember("finn", name="Finn"), AT, referral_code=code)
    boost = {"kind": "multiplier", "factor": "2", "days": 3}
    offered(session, program, "pin")
    pin = {"kind": "reward", "reward": "pin"}
    rewards = [{"kind": "points", "points": 5}, boost, pin]
    campaign = running(session, program, {"kind": "visit"}, rewards=rewards)
    visit = replace(bought(member_id="eve"), kind="visit", amount=None, currency=None)
    ids = stored(session, program, visit, bought("3", "finn"))
    award_activities(session, ids, AT, top_up=False)
    paid = session.execute(
        text("SELECT id, source FROM activity WHERE kind = 'bonus' AND program_id = :program"),
        {"program": program.id},
    ).all()
    award_activities(session, [row.id for row in paid], AT, top_up=False)
    [bonus] = [row.id for row in paid if row.source == ":campaign"]
    [referral] = referrals_of(session, program.id)
    eve = membership_of(session, program.id, "eve").account_id
    jobbed(session, program)
    return eve, campaign.id, bonus, referral.id


def _shopped(session: Session, program: Program) -> int:
    """Gail's account: a mug that she gave back, one that is held for her, and a voucher."""
    joined(session, program, "gail", points=100)
    offered(session, program, "mug", stock=2)
    offered(session, program, "tour", kind="voucher", vouchers={"from": "generated"})
    mug = redeemed_reward(session, program, RedeemReward("mug"), "gail")
    cancel(session, mug.id, None, None, By("test", None, AT))
    redeemed_reward(session, program, RedeemReward("mug", hold_s=60), "gail")
    redeemed_reward(session, program, RedeemReward("tour"), "gail")
    return membership_of(session, program.id, "gail").account_id


@pytest.fixture
def book(session: Session) -> Book:
    """The book in the session's own tenant."""
    return written(session)


def act_as(session: Session, role: str) -> None:
    """From here on the session's transaction has the rights of another role."""
    session.execute(text("RESET ROLE"))
    session.execute(text(f"SET LOCAL ROLE {role}"))
