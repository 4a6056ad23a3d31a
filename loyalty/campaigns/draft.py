"""A campaign is drafted, changed and dropped. Once published, only its name and end can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.campaigns.find import ToldCampaign, campaign_by_key
from loyalty.campaigns.form import read_reward, stored
from loyalty.campaigns.models import CampaignGoalRow, CampaignRow, GoalRow
from loyalty.campaigns.queries import hold_conditions
from loyalty.campaigns.rules import RewardKind
from loyalty.conditions.form import refuse
from loyalty.errors import Conflict
from loyalty.programs.queries import Program

#: What can change of a campaign that is no draft any more.
_AFTER_PUBLISHING = frozenset({"name", "ends_at"})


class CampaignExists(Conflict):
    """409: the program has a campaign of this key."""

    code = "campaign_exists"
    title = "There is a campaign of this key"
    cure = "Use another key, or change the campaign that is there."


class NotADraft(Conflict):
    """409: what members are working towards stays as it was promised."""

    code = "not_a_draft"
    title = "The campaign is no draft any more"
    cure = "Change its `name` or `ends_at`, or end it and publish another one."


@dataclass(frozen=True, slots=True)
class Draft:
    """`goals` are keys, `rewards` their JSON form (loyalty.campaigns.form), in which decimals may
    be Decimal.

    `goals_needed` None: all of them. `times`: how often a member can complete it.
    """

    key: str
    name: str
    goals: Sequence[str]
    rewards: Sequence[Mapping[str, Any]]
    goals_needed: int | None = None
    times: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def draft_campaign(
    session: Session,
    program: Program,
    order: Draft,
    *,
    by: By,
) -> ToldCampaign:
    """A new draft: nothing counts for it yet. Raises Invalid, CampaignExists."""
    goal_ids = _check(session, program, order)
    campaign_id = session.scalar(
        upsert(CampaignRow)
        .values(
            tenant_id=session.info["tenant_id"],
            program_id=program.id,
            key=order.key,
            status="draft",
            created_at=by.at,
            **_columns(order),
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "program_id", "key"])
        .returning(CampaignRow.id)
    )
    if campaign_id is None:
        raise CampaignExists(f"There is a campaign {order.key!r}.")
    _set_goals(session, campaign_id, goal_ids)
    made = campaign_by_key(session, program, order.key)
    record(
        session,
        by,
        act="campaign.draft",
        subject=subject(program, made),
        after=told(made),
    )
    return made


def change_campaign(
    session: Session,
    program: Program,
    present: ToldCampaign,
    patch: Mapping[str, Any],
    *,
    by: By,
) -> ToldCampaign:
    """Applies a merge patch of Draft's fields to a campaign read with a lock.

    Raises Invalid, and NotADraft for what only a draft can change. An end must lie ahead.
    """
    if present.status != "draft":
        if not _AFTER_PUBLISHING.issuperset(patch):
            raise NotADraft(f"The campaign {present.key!r} is {present.status}.")
        if "ends_at" in patch and present.status == "ended":
            raise NotADraft(f"The campaign {present.key!r} has ended.")
        ends_at = patch.get("ends_at")
        if ends_at is not None and ends_at <= by.at:
            raise refuse("/ends_at", "in_the_past", "What is over cannot end; end it now instead.")
        hold_conditions(session, program, present.id)
    changed = replace(_draft_of(present), **patch)
    goal_ids = _check(session, program, changed)
    session.execute(
        update(CampaignRow)
        .where(CampaignRow.tenant_id == session.info["tenant_id"], CampaignRow.id == present.id)
        .values(version=CampaignRow.version + 1, **_columns(changed))
    )
    if "goals" in patch:
        _set_goals(session, present.id, goal_ids)
    made = campaign_by_key(session, program, present.key)
    record(
        session,
        by,
        act="campaign.change",
        subject=subject(program, present),
        before=told(present),
        after=told(made),
    )
    return made


def drop_campaign(
    session: Session,
    program: Program,
    present: ToldCampaign,
    *,
    by: By,
) -> None:
    """Takes away a draft that was read with a lock. Raises NotADraft."""
    if present.status != "draft":
        raise NotADraft(f"The campaign {present.key!r} is {present.status}.")
    _set_goals(session, present.id, [])
    session.execute(
        delete(CampaignRow).where(
            CampaignRow.tenant_id == session.info["tenant_id"], CampaignRow.id == present.id
        )
    )
    record(
        session,
        by,
        act="campaign.drop",
        subject=subject(program, present),
        before=told(present),
    )


def subject(program: Program, campaign: ToldCampaign) -> str:
    """What an audit record of this campaign is about."""
    return f"program {program.slug} campaign {campaign.key}"


def told(campaign: ToldCampaign) -> dict[str, Any]:
    """The campaign as an audit record holds it."""
    draft = _draft_of(campaign)
    return {
        "name": draft.name,
        "status": campaign.status,
        "goals": list(draft.goals),
        "goals_needed": draft.goals_needed,
        "times": draft.times,
        "rewards": list(draft.rewards),
        "starts_at": draft.starts_at.isoformat() if draft.starts_at else None,
        "ends_at": draft.ends_at.isoformat() if draft.ends_at else None,
    }


def _draft_of(campaign: ToldCampaign) -> Draft:
    every = campaign.goals_needed == len(campaign.goals)
    return Draft(
        campaign.key,
        campaign.name,
        campaign.goals,
        campaign.rewards,
        None if every else campaign.goals_needed,
        campaign.times,
        campaign.starts_at,
        campaign.ends_at,
    )


def _columns(order: Draft) -> dict[str, Any]:
    return {
        "name": order.name,
        "goals_needed": order.goals_needed or len(order.goals),
        "times": order.times,
        "rewards": [stored(one) for one in order.rewards],
        "starts_at": order.starts_at,
        "ends_at": order.ends_at,
    }


def _check(session: Session, program: Program, order: Draft) -> list[int]:
    """The ids of the goals, held so that they stay. Raises Invalid naming the field."""
    rewards = [read_reward(one, f"/rewards/{index}") for index, one in enumerate(order.rewards)]
    if sum(reward.kind is RewardKind.MULTIPLIER for reward in rewards) > 1:
        raise refuse("/rewards", "too_many", "A campaign has one multiplier at most.")
    if order.goals_needed is not None and order.goals_needed > len(order.goals):
        raise refuse("/goals_needed", "too_large", f"There are {len(order.goals)} goals.")
    if order.starts_at and order.ends_at and order.starts_at > order.ends_at:
        raise refuse("/ends_at", "before_start", "It ends before it starts.")
    rows = session.execute(
        select(GoalRow.key, GoalRow.id)
        .where(
            GoalRow.tenant_id == session.info["tenant_id"],
            GoalRow.program_id == program.id,
            GoalRow.key.in_(order.goals),
        )
        .order_by(GoalRow.id)
        .with_for_update(read=True)
    )
    ids: dict[str, int] = {row.key: row.id for row in rows}
    for index, key in enumerate(order.goals):
        if key not in ids:
            raise refuse(f"/goals/{index}", "unknown_goal", f"There is no goal {key!r}.")
        if key in order.goals[:index]:
            raise refuse(f"/goals/{index}", "not_unique", f"{key!r} stands there twice.")
    return [ids[key] for key in order.goals]


def _set_goals(session: Session, campaign_id: int, goal_ids: Sequence[int]) -> None:
    own = {"tenant_id": session.info["tenant_id"], "campaign_id": campaign_id}
    session.execute(delete(CampaignGoalRow).filter_by(**own))
    if goal_ids:
        session.execute(
            insert(CampaignGoalRow),
            [
                {**own, "position": position, "goal_id": goal_id}
                for position, goal_id in enumerate(goal_ids, 1)
            ],
        )
