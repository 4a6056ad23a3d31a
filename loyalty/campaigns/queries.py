"""Reads of campaigns: those that count, how far members are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.campaigns.form import read_goal, read_reward
from loyalty.campaigns.rules import Campaign, Progress
from loyalty.programs.queries import Program
from loyalty.segments.hold_named import hold_named

_GOALS = """
    (SELECT json_agg(g.rule ORDER BY cg.position) FROM campaign_goal cg
     JOIN goal g ON g.tenant_id = cg.tenant_id AND g.id = cg.goal_id
     WHERE cg.tenant_id = c.tenant_id AND cg.campaign_id = c.id)
"""
SELECT = f"""
    SELECT c.*, {_GOALS} AS goals FROM campaign c WHERE c.tenant_id = :tenant
"""  # noqa: S608 - constants of this file
_RUNNING = text(
    f"{SELECT} AND c.program_id = ANY(:programs) AND c.status <> 'draft'"
    " AND (c.ends_at > :since) IS NOT FALSE ORDER BY c.id"
)
_BY_ID = text(f"{SELECT} AND c.id = ANY(:ids) ORDER BY c.id")


def campaign_of(row: Row[Any]) -> Campaign:
    """The campaign that a row of `campaign` holds, with its `goals`."""
    return Campaign(
        id=row.id,
        program_id=row.program_id,
        key=row.key,
        name=row.name,
        goals=tuple(read_goal(rule) for rule in row.goals),
        needed=row.goals_needed,
        times=row.times,
        rewards=tuple(read_reward(one) for one in row.rewards),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def running(
    session: Session, program_ids: Iterable[int], since: datetime
) -> dict[int, list[Campaign]]:
    """The campaigns, by program, for which something that occurred at `since` or later can count.

    Those that have ended too: what comes late counts by when it occurred.
    """
    found: dict[int, list[Campaign]] = defaultdict(list)
    rows = session.execute(
        _RUNNING,
        {
            "tenant": session.info["tenant_id"],
            "programs": sorted(set(program_ids)),
            "since": since,
        },
    )
    for row in rows:
        found[row.program_id].append(campaign_of(row))
    return found


def campaigns_by_id(session: Session, ids: Iterable[int]) -> list[Campaign]:
    """The campaigns of these ids."""
    rows = session.execute(_BY_ID, {"tenant": session.info["tenant_id"], "ids": sorted(ids)})
    return [campaign_of(row) for row in rows]


def hold_conditions(session: Session, program: Program, campaign_id: int) -> None:
    """Locks what a campaign's goals name. Raises Invalid for what is not there any more."""
    [campaign] = campaigns_by_id(session, [campaign_id])
    for index, goal in enumerate(campaign.goals):
        hold_named(session, program, goal.when, f"/goals/{index}")


_PROGRESS = text(
    "SELECT campaign_id, account_id, counted, completed FROM campaign_progress"
    " WHERE tenant_id = :tenant AND campaign_id = ANY(:campaigns) AND account_id = ANY(:accounts)"
)


def progress_of(
    session: Session, campaign_ids: Iterable[int], account_ids: Iterable[int]
) -> dict[tuple[int, int], Progress]:
    """How far accounts are: (campaign, account) → progress; where nothing counted yet, nothing."""
    rows = session.execute(
        _PROGRESS,
        {
            "tenant": session.info["tenant_id"],
            "campaigns": sorted(set(campaign_ids)),
            "accounts": sorted(set(account_ids)),
        },
    )
    return {
        (row.campaign_id, row.account_id): Progress(tuple(row.counted), row.completed)
        for row in rows
    }
