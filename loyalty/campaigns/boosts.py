"""Boosts: for a time a member's points are multiplied, as a campaign's reward.

A campaign with a multiplier has a promotion that asks for its boost (loyalty/conditions/boost.py):
it is evaluated, explained and taken back like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.campaigns.rules import Campaign, RewardKind


@dataclass(frozen=True, slots=True)
class Boost:
    """What occurs after `starts_at` and before `ends_at` is boosted by the campaign `key`."""

    key: str
    starts_at: datetime
    ends_at: datetime

    def covers(self, occurred_at: datetime) -> bool:
        """Whether it counts for what occurred then: not for what has brought it about."""
        return self.starts_at < occurred_at < self.ends_at


def boosts_of_reward(campaign: Campaign, occurred_at: datetime) -> list[Boost]:
    """The boosts that completing the campaign at `occurred_at` gives."""
    return [
        Boost(campaign.key, occurred_at, occurred_at + timedelta(days=reward.days))
        for reward in campaign.rewards
        if reward.kind is RewardKind.MULTIPLIER
    ]


_BOOSTS = text(
    "SELECT a.id AS account_id, c.key, b.starts_at, b.ends_at"
    " FROM unnest(CAST(:accounts AS bigint[])) AS a(id)"
    " CROSS JOIN LATERAL own_accounts(:tenant, a.id) AS own(id)"
    " JOIN boost b ON b.tenant_id = :tenant AND b.account_id = own.id AND b.ends_at > :since"
    " JOIN campaign c ON c.tenant_id = b.tenant_id AND c.id = b.campaign_id"
    " WHERE c.key = ANY(:keys)"
)


def boosts_of(
    session: Session, account_ids: Iterable[int], keys: Collection[str], since: datetime
) -> dict[int, list[Boost]]:
    """The boosts of accounts by these campaigns that count for something at `since` or later.

    Those of accounts that were merged into one are its own.
    """
    found: dict[int, list[Boost]] = defaultdict(list)
    rows = session.execute(
        _BOOSTS,
        {
            "tenant": session.info["tenant_id"],
            "accounts": sorted(set(account_ids)),
            "keys": sorted(keys),
            "since": since,
        },
    )
    for row in rows:
        found[row.account_id].append(Boost(row.key, row.starts_at, row.ends_at))
    return found
