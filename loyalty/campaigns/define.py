"""Goals are defined once and shared; one that a campaign uses can neither change nor go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.campaigns.form import read_goal, stored
from loyalty.campaigns.models import CampaignGoalRow, GoalRow
from loyalty.campaigns.rules import GoalKind
from loyalty.conditions.form import refuse
from loyalty.errors import Conflict
from loyalty.programs.queries import Program
from loyalty.segments.hold_named import hold_named


class GoalExists(Conflict):
    """409: the program has a goal of this key."""

    code = "goal_exists"
    title = "There is a goal of this key"
    cure = "Use that goal, or another key: a goal never changes."


class GoalInUse(Conflict):
    """409: a campaign has this goal."""

    code = "goal_in_use"
    title = "A campaign has this goal"
    cure = "Take it out of the drafts that have it; the goal of a published campaign stays."


@dataclass(frozen=True, slots=True)
class NewGoal:
    """`rule` is the goal's JSON form (loyalty.campaigns.form); decimals may be Decimal."""

    key: str
    name: str
    rule: Mapping[str, Any]


def define_goal(
    session: Session,
    program: Program,
    order: NewGoal,
    *,
    by: By,
) -> GoalRow:
    """A new goal; an amount that names no currency is in the program's.

    Raises Invalid, GoalExists.
    """
    rule = dict(order.rule)
    if rule.get("amount") is not None:
        rule.setdefault("currency", program.currency)
    goal = read_goal(rule)
    if goal.kind is GoalKind.TIER and goal.tier not in {tier.key for tier in program.tiers}:
        raise refuse("/tier", "unknown_tier", f"The program has no tier {goal.tier!r}.")
    hold_named(session, program, goal.when, "/when")
    made: GoalRow | None = session.scalar(
        insert(GoalRow)
        .values(
            tenant_id=session.info["tenant_id"],
            program_id=program.id,
            key=order.key,
            name=order.name,
            rule=stored(rule),
            created_at=by.at,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "program_id", "key"])
        .returning(GoalRow)
    )
    if made is None:
        raise GoalExists(f"There is a goal {order.key!r}.")
    record(
        session,
        by,
        act="goal.define",
        subject=f"program {program.slug} goal {order.key}",
        after={"name": made.name, **made.rule},
    )
    return made


def drop_goal(
    session: Session,
    program: Program,
    goal: GoalRow,
    *,
    by: By,
) -> None:
    """Takes away a goal, read with a lock, that no campaign has. Raises GoalInUse."""
    own = GoalRow.tenant_id == session.info["tenant_id"], GoalRow.id == goal.id
    used = session.scalar(
        select(
            exists().where(
                CampaignGoalRow.tenant_id == session.info["tenant_id"],
                CampaignGoalRow.goal_id == goal.id,
            )
        )
    )
    if used:
        raise GoalInUse(f"A campaign has the goal {goal.key!r}.")
    session.execute(delete(GoalRow).where(*own))
    record(
        session,
        by,
        act="goal.drop",
        subject=f"program {program.slug} goal {goal.key}",
        before={"name": goal.name, **goal.rule},
    )
