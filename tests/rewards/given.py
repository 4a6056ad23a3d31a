"""Rewards, and who redeems them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Problem
from loyalty.idempotency.once import Answer
from loyalty.programs.queries import Program
from loyalty.redemption.burn import Key
from loyalty.redemption.redeem import Redeemed
from loyalty.redemption.redeem_reward import RedeemReward, redeem_reward
from loyalty.rewards.models import RewardRow
from loyalty.rewards.offer import add_reward
from tests.opened import AT

BY = By("test", None, AT)


def offered(session: Session, program: Program, key: str = "it", **more: Any) -> RewardRow:
    """A reward of 10 points."""
    usual = {"kind": "goods", "points": 10, "texts": {"en": {"name": "It"}}, "images": []}
    return add_reward(session, program, {"key": key, "limits": [], **usual, **more}, BY)


def redeemed_reward(
    session: Session,
    program: Program,
    order: RedeemReward,
    member_id: str = "ann",
    at: datetime = AT,
) -> Redeemed:
    """A redemption under a key of its own; raises the refusal of one that is not made."""
    outcome: list[Redeemed | Problem] = []

    def tell(made: Redeemed | Problem) -> Answer:
        outcome.append(made)
        return Answer(201, "told")

    under = Key("redemptions.create", str(uuid4()), b"hash")
    by = By(member_id, None, at)
    redeem_reward(session, program, member_id, order, under=under, tell=tell, by=by)
    [made] = outcome
    if isinstance(made, Problem):
        raise made
    return made
