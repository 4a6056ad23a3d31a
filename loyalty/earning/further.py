"""What awards further: goals of campaigns, and what meeting them all pays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from loyalty.campaigns.progress import Happened, progress
from loyalty.campaigns.rules import Campaign, Happening, RewardKind
from loyalty.campaigns.steps import SOURCE, Completion
from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.earning.bonus import Bonus, pay_bonuses
from loyalty.tiers.rules import Tier


def happened(
    row: Row[Any],
    activity: Purchase,
    member: MemberFacts,
    tiers: Sequence[Tier],
    risen: Tier | None,
) -> Happened:
    """A claimed activity that was awarded, and the tier it raised the member to, for campaigns."""
    reached: frozenset[str] = frozenset()
    if risen:
        below = next((tier.threshold for tier in tiers if tier.key == member.tier), -1)
        reached = frozenset(tier.key for tier in tiers if below < tier.threshold <= risen.threshold)
    return Happened(
        row.program_id,
        row.account_id,
        row.membership_id,
        row.id,
        Happening(activity, member, reached),
    )


def further(
    session: Session,
    campaigns: Mapping[int, Sequence[Campaign]],
    happened: Iterable[Happened],
    at: datetime,
) -> None:
    """Counts what happened for the campaigns, and pays those that it completed.

    The accounts are locked; points are paid as bonuses, which a worker awards next.
    """
    completions = progress(session, campaigns, happened, at)
    pay_bonuses(session, [bonus for one in completions for bonus in _bonuses(one)], at)


def _bonuses(completion: Completion) -> list[Bonus]:
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
