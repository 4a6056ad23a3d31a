"""A campaign opens: it is published, and what it multiplies becomes a promotion."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.find import ToldCampaign
from loyalty.campaigns.form import read_reward
from loyalty.campaigns.publish import publish_campaign
from loyalty.campaigns.rules import Reward, RewardKind
from loyalty.conditions.form import refuse
from loyalty.programs.queries import Program
from loyalty.promotions.desk import promotion_by_key
from loyalty.promotions.draft import add_promotion
from loyalty.promotions.publish import Plan, publish
from loyalty.rewards.queries import find_reward


def open_campaign(
    session: Session,
    program: Program,
    present: ToldCampaign,
    *,
    by: By,
) -> ToldCampaign:
    """Publishes a campaign that was read with a lock, as its program was.

    A multiplier is paid by a promotion `boost-…`, for those to whom the campaign gave its boost.
    Raises what publish_campaign raises, and Invalid for a reward that is not in the catalogue.
    """
    for index, reward in enumerate(map(read_reward, present.rewards)):
        key = reward.reward
        if key and find_reward(session, program.id, key) is None:
            place = f"/rewards/{index}/reward"
            raise refuse(place, "unknown_reward", f"There is no reward {key!r}.")
    published = publish_campaign(session, program, present, by=by)
    for reward in map(read_reward, present.rewards):
        if reward.kind is RewardKind.MULTIPLIER:
            promotion = add_promotion(session, program, _promotion(present, reward), by)
            locked = promotion_by_key(session, program.id, promotion.key, lock=True)
            publish(session, program, locked, _nothing_to_prove, by)
    return published


def _promotion(campaign: ToldCampaign, reward: Reward) -> dict[str, Any]:
    factor = f"{reward.factor.normalize():f}"
    return {
        "key": f"boost-{campaign.id}",
        "name": f"{campaign.name}: {factor} times the points for {reward.days} days",
        "rule": {"multiplier": factor, "when": {"boost": [campaign.key]}},
        "fixtures": [],
        "starts_at": None,
        "ends_at": None,
    }


def _nothing_to_prove(_: Plan) -> None:
    return
