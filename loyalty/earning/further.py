"""What awards further: goals of campaigns and referrals, and what meeting them pays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from loyalty.campaigns import complete_referrals as referrals
from loyalty.campaigns.complete_referrals import Bought, CompletedReferral, complete_referrals
from loyalty.campaigns.progress import Counting, Happened
from loyalty.campaigns.queries import running
from loyalty.campaigns.rules import Campaign, Happening, RewardKind
from loyalty.campaigns.steps import SOURCE, Completion
from loyalty.conditions.facts import Ask, MemberFacts, Purchase
from loyalty.conditions.tree import asked
from loyalty.earning.bonus import KIND, Bonus, pay_bonuses
from loyalty.members.standing import Standing
from loyalty.tiers.rules import Tier

_REFERRER = "referrer"


def happened(
    row: Row[Any],
    account_id: int,
    activity: Purchase,
    member: MemberFacts,
    tiers: Sequence[Tier],
    risen: Tier | None,
) -> Happened:
    """A claimed activity that was awarded, and the tier it raised the member to.

    That somebody was brought reaches who brought them as a bonus of their own.
    """
    reached = _passed(tiers, member.tier, risen) if risen else frozenset[str]()
    brought = row.kind == KIND and row.body["why"].get("role") == _REFERRER
    return Happened(
        row.program_id,
        account_id,
        row.membership_id,
        row.id,
        Happening(activity, member, reached, int(brought)),
    )


def _passed(tiers: Sequence[Tier], before: str, risen: Tier) -> frozenset[str]:
    """The tiers above the one `before`, up to the one risen to."""
    below = next((tier.threshold for tier in tiers if tier.key == before), -1)
    return frozenset(tier.key for tier in tiers if below < tier.threshold <= risen.threshold)


def campaign_asks(campaigns: Mapping[int, Sequence[Campaign]]) -> frozenset[Ask]:
    """Which facts that cost a read the goals of these campaigns ask for."""
    return frozenset[Ask]().union(
        *(
            asked(goal.when)
            for of_program in campaigns.values()
            for campaign in of_program
            for goal in campaign.goals
            if goal.when
        )
    )


def further(
    session: Session,
    counting: Counting,
    referring: Collection[int],
    happened: Sequence[Happened],
    at: datetime,
) -> None:
    """Writes what was counted for campaigns, completes the referrals of the programs in
    `referring`, and pays for both.

    The accounts are locked; points are paid as bonuses, which a worker awards next.
    """
    bought = [_bought(one) for one in happened if one.program_id in referring]
    completed = complete_referrals(session, [one for one in bought if one is not None], at)
    completions = counting.write(at)
    pay_bonuses(
        session,
        [bonus for one in completions for bonus in _of_campaign(one)]
        + [bonus for one in completed for bonus in _of_referral(one)],
        at,
    )


def reach_tier(
    session: Session,
    member: Standing,
    tiers: Sequence[Tier],
    risen: Tier,
    cause_id: UUID,
    at: datetime,
) -> None:
    """An adjustment has raised a member, whose account is locked, to another tier.

    One that a person puts a member on is not reached.
    """
    facts = MemberFacts(member.joined_at, member.tier_key, 0)
    reached = Happening(Purchase("tier", at), facts, _passed(tiers, member.tier_key, risen))
    counting = Counting(session, running(session, [member.program_id], at), [member.account_id])
    counting.count(
        Happened(member.program_id, member.account_id, member.membership_id, cause_id, reached)
    )
    further(session, counting, (), (), at)


def _bought(one: Happened) -> Bought | None:
    activity = one.happening.activity
    if activity.kind != "purchase":
        return None
    return Bought(
        one.program_id,
        one.membership_id,
        one.cause_id,
        activity.amount,
        activity.currency,
        activity.occurred_at,
    )


def _of_campaign(completion: Completion) -> list[Bonus]:
    campaign = completion.campaign
    return [
        Bonus(
            campaign.program_id,
            completion.member_id,
            reward.points,
            SOURCE,
            completion.key(position),
            {"name": campaign.name, "campaign": campaign.key, "n": completion.n},
            completion.occurred_at,
        )
        for position, reward in enumerate(campaign.rewards, 1)
        if reward.kind is RewardKind.POINTS
    ]


def _of_referral(one: CompletedReferral) -> list[Bonus]:
    """For both; of no points too, for a campaign may count whom a member has brought."""
    return [
        Bonus(
            one.program_id,
            member_id,
            points,
            referrals.SOURCE,
            f"{one.id}-{role}",
            {"name": name, "referral": str(one.id), "role": role},
            one.occurred_at,
        )
        for member_id, points, role, name in (
            (one.referrer, one.referrer_points, _REFERRER, "For bringing a member"),
            (one.referred, one.referred_points, "referred", "For coming by a member"),
        )
    ]
