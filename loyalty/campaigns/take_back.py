"""What is returned no longer counts, but for what was completed with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.campaigns.queries import campaigns_by_id
from loyalty.campaigns.rules import Campaign, GoalKind, Happening, counted
from loyalty.campaigns.steps import Step, open_course

_COUNTED = text(
    "SELECT campaign_id, array_agg(total ORDER BY position) AS counted FROM ("
    "  SELECT s.campaign_id, c.position, sum(c.counted) AS total FROM campaign_step s"
    "  CROSS JOIN unnest(s.counted) WITH ORDINALITY AS c(counted, position)"
    "  WHERE s.tenant_id = :tenant AND s.activity_id = :activity"
    "    AND s.account_id IN (SELECT own_accounts(:tenant, :account))"
    "  GROUP BY s.campaign_id, c.position"
    ") totals GROUP BY campaign_id"
)


def take_back(
    session: Session,
    *,
    account_id: int,
    membership_id: int,
    activity_id: UUID,
    return_id: UUID,
    left: Happening,
    at: datetime,
) -> None:
    """A purchase was returned, in part or all: it counts for what is `left` of it.

    The account is the locked one that earned, or its heir. A purchase that furthered nothing
    costs one look; `return_id` is counted once.
    """
    rows = session.execute(
        _COUNTED,
        {"tenant": session.info["tenant_id"], "account": account_id, "activity": activity_id},
    )
    before = {row.campaign_id: row.counted for row in rows}
    if not before:
        return
    steps = [
        Step(campaign, account_id, membership_id, activity_id, return_id, at, added)
        for campaign in campaigns_by_id(session, before)
        if any(added := _taken(campaign, before[campaign.id], left))
    ]
    course = open_course(session, before, [account_id])
    for step in steps:
        course.take(step)
    course.write(session, at)


def _taken(campaign: Campaign, before: Sequence[Decimal], left: Happening) -> tuple[Decimal, ...]:
    """What each goal loses, ≤ 0. Only what was bought can be returned."""
    return tuple(
        min(counted(goal, left) - had, Decimal(0)) if goal.kind is GoalKind.BUY else Decimal(0)
        for goal, had in zip(campaign.goals, before, strict=True)
    )
