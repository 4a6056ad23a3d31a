"""Goals and campaigns as those who make them see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.campaigns.models import CampaignGoalRow, CampaignRow, GoalRow
from loyalty.errors import NotFound
from loyalty.programs.queries import Program


@dataclass(frozen=True, slots=True)
class ToldCampaign:
    """A campaign and the keys of its goals. `status`: draft, published, ended."""

    id: int
    key: str
    name: str
    status: str
    goals: tuple[str, ...]
    goals_needed: int
    times: int
    rewards: Sequence[dict[str, Any]]
    starts_at: datetime | None
    ends_at: datetime | None
    version: int
    created_at: datetime
    published_at: datetime | None


def goals(
    session: Session, program: Program, *, before: int | None, limit: int
) -> Sequence[GoalRow]:
    """The program's goals, newest first, from before the id `before`."""
    query = select(GoalRow).where(
        GoalRow.tenant_id == session.info["tenant_id"], GoalRow.program_id == program.id
    )
    if before is not None:
        query = query.where(GoalRow.id < before)
    return session.scalars(query.order_by(GoalRow.id.desc()).limit(limit)).all()


def goal_by_key(session: Session, program: Program, key: str, *, lock: bool = False) -> GoalRow:
    """The goal; with `lock`, no campaign can take it meanwhile. Raises NotFound."""
    query = select(GoalRow).where(
        GoalRow.tenant_id == session.info["tenant_id"],
        GoalRow.program_id == program.id,
        GoalRow.key == key,
    )
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound(f"There is no goal {key!r}.")
    return found


def campaigns(
    session: Session,
    program: Program,
    *,
    status: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[ToldCampaign]:
    """The program's campaigns, newest first, from before the id `before`."""
    query = select(CampaignRow).where(
        CampaignRow.tenant_id == session.info["tenant_id"],
        CampaignRow.program_id == program.id,
    )
    if status is not None:
        query = query.where(CampaignRow.status == status)
    if before is not None:
        query = query.where(CampaignRow.id < before)
    return _told(session, session.scalars(query.order_by(CampaignRow.id.desc()).limit(limit)).all())


def campaign_by_key(
    session: Session, program: Program, key: str, *, lock: bool = False
) -> ToldCampaign:
    """The campaign; with `lock`, nobody else can change it. Raises NotFound."""
    query = select(CampaignRow).where(
        CampaignRow.tenant_id == session.info["tenant_id"],
        CampaignRow.program_id == program.id,
        CampaignRow.key == key,
    )
    found = session.scalars(
        query.with_for_update() if lock else query, execution_options={"populate_existing": True}
    ).one_or_none()
    if found is None:
        raise NotFound(f"There is no campaign {key!r}.")
    [told] = _told(session, [found])
    return told


def _told(session: Session, rows: Sequence[CampaignRow]) -> list[ToldCampaign]:
    keys = goal_keys(session, [row.id for row in rows])
    return [
        ToldCampaign(
            row.id,
            row.key,
            row.name,
            row.status,
            tuple(keys[row.id]),
            row.goals_needed,
            row.times,
            row.rewards,
            row.starts_at,
            row.ends_at,
            row.version,
            row.created_at,
            row.published_at,
        )
        for row in rows
    ]


def goal_keys(session: Session, campaign_ids: Iterable[int]) -> dict[int, list[str]]:
    """The keys of each campaign's goals, in their order."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = session.execute(
        select(CampaignGoalRow.campaign_id, GoalRow.key)
        .join(
            GoalRow,
            (GoalRow.tenant_id == CampaignGoalRow.tenant_id)
            & (GoalRow.id == CampaignGoalRow.goal_id),
        )
        .where(
            CampaignGoalRow.tenant_id == session.info["tenant_id"],
            CampaignGoalRow.campaign_id.in_(campaign_ids),
        )
        .order_by(CampaignGoalRow.campaign_id, CampaignGoalRow.position)
    )
    for row in rows:
        found[row.campaign_id].append(row.key)
    return found
