"""How a member stands in the campaigns of a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.campaigns.queries import SELECT, campaign_of
from loyalty.campaigns.rules import Progress, in_this_round, start


@dataclass(frozen=True, slots=True)
class GoalStanding:
    """How far a member is towards a goal, in the round that they are in."""

    key: str
    name: str
    kind: str
    wanted: Decimal
    counted: Decimal

    @property
    def met(self) -> bool:
        """Whether it is met, in this round."""
        return self.counted >= self.wanted


@dataclass(frozen=True, slots=True)
class CampaignStanding:
    """A campaign as a member sees it. `status`: open, in_progress, completed, over."""

    id: int
    key: str
    name: str
    status: str
    starts_at: datetime | None
    ends_at: datetime | None
    goals: Sequence[GoalStanding]
    goals_needed: int
    completed: int
    times: int
    rewards: Sequence[dict[str, Any]]


_OF_ACCOUNT = text(
    f"""
    SELECT c.*, p.counted, p.completed,
           (SELECT json_agg(json_build_array(g.key, g.name) ORDER BY cg.position)
            FROM campaign_goal cg JOIN goal g ON g.tenant_id = cg.tenant_id AND g.id = cg.goal_id
            WHERE cg.tenant_id = c.tenant_id AND cg.campaign_id = c.id) AS titles
    FROM ({SELECT} AND c.program_id = :program AND c.status <> 'draft' AND c.id < :before) c
    LEFT JOIN campaign_progress p ON p.tenant_id = c.tenant_id AND p.campaign_id = c.id
                                 AND p.account_id = :account
    WHERE p.account_id IS NOT NULL OR (c.ends_at > :at) IS NOT FALSE
    ORDER BY c.id DESC LIMIT :limit
    """  # noqa: S608 - constants of this room
)
_NO_ID_IS_LARGER = 2**31 - 1


def campaigns_of_account(
    session: Session,
    program_id: int,
    account_id: int,
    *,
    before: int | None,
    limit: int,
    at: datetime,
) -> list[CampaignStanding]:
    """The campaigns that are open, and those in which the account has come some way.

    Newest first, from before the id `before`.
    """
    rows = session.execute(
        _OF_ACCOUNT,
        {
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "account": account_id,
            "before": _NO_ID_IS_LARGER if before is None else before,
            "at": at,
            "limit": limit,
        },
    )
    return [_standing(row, at) for row in rows]


def _standing(row: Row[Any], at: datetime) -> CampaignStanding:
    campaign = campaign_of(row)
    progress = start(campaign)
    if row.counted is not None:
        progress = Progress(tuple(row.counted), row.completed)
    goals = [
        GoalStanding(key, name, goal.kind, goal.wanted, counted)
        for (key, name), goal, counted in zip(
            row.titles, campaign.goals, in_this_round(campaign, progress), strict=True
        )
    ]
    begun = progress.completed > 0 or any(goal.counted for goal in goals)
    status = "in_progress" if begun else "open"
    if progress.completed >= campaign.times:
        status = "completed"
    elif campaign.ends_at is not None and campaign.ends_at <= at:
        status = "over"
    return CampaignStanding(
        campaign.id,
        campaign.key,
        campaign.name,
        status,
        campaign.starts_at,
        campaign.ends_at,
        goals,
        campaign.needed,
        progress.completed,
        campaign.times,
        row.rewards,
    )
