"""What a campaign has come to: members on their way, those who have completed it, its cost."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.campaigns.find import ToldCampaign
from loyalty.campaigns.steps import SOURCE


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """`in_progress`: members for whom something counts and who have not completed it yet.

    `points_promised` by what was completed; `points_paid` are those awarded until now.
    `rewards_*` are of the catalogue: handed out, and waiting for stock or for their member.
    """

    in_progress: int
    members_completed: int
    completions: int
    points_promised: int
    points_paid: int
    rewards_given: int
    rewards_waiting: int


_MEMBERS = text(
    "SELECT count(*) FILTER (WHERE completed = 0) AS in_progress,"
    " count(*) FILTER (WHERE completed > 0) AS members_completed,"
    " coalesce(sum(completed), 0)::bigint AS completions"
    " FROM campaign_progress WHERE tenant_id = :tenant AND campaign_id = :campaign"
)
_PAID = text(
    """
    SELECT coalesce(sum(w.points), 0)::bigint FROM campaign_completion c
    CROSS JOIN generate_series(1, :rewards) AS position
    JOIN activity a ON a.tenant_id = c.tenant_id AND a.program_id = :program
      AND a.source = :source AND a.transaction_id =
        c.campaign_id || '-' || c.account_id || '-' || c.n || '-' || position
    JOIN award w ON w.tenant_id = a.tenant_id AND w.activity_id = a.id
    WHERE c.tenant_id = :tenant AND c.campaign_id = :campaign
    """
)


_GIFTS = text(
    "SELECT count(given_at) AS given, count(*) - count(given_at) AS waiting FROM campaign_gift"
    " WHERE tenant_id = :tenant AND campaign_id = :campaign"
)


def report(session: Session, program_id: int, campaign: ToldCampaign) -> CampaignReport:
    """The figures as they are now."""
    own = {"tenant": session.info["tenant_id"], "campaign": campaign.id}
    members = session.execute(_MEMBERS, own).one()
    paid = session.execute(
        _PAID,
        {**own, "program": program_id, "source": SOURCE, "rewards": len(campaign.rewards)},
    ).scalar_one()
    gifts = session.execute(_GIFTS, own).one()
    each = sum(int(reward.get("points", 0)) for reward in campaign.rewards)
    return CampaignReport(
        members.in_progress,
        members.members_completed,
        members.completions,
        members.completions * each,
        int(paid),
        gifts.given,
        gifts.waiting,
    )
