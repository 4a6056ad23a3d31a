"""What is in force, or is going to be, and when it applies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.campaigns.queries import running
from loyalty.conditions.tier import Tier
from loyalty.conditions.tree import Condition
from loyalty.programs.queries import Program
from loyalty.promotions.queries import published_versions
from loyalty.rewards.queries import offered_conditions


def asking(
    session: Session, program: Program, at: datetime
) -> Iterator[tuple[str, Condition | None]]:
    """Each condition by which something is judged at `at` or later: of a promotion, a campaign's
    goal, or a reward."""
    for version in published_versions(session, [program.id]).get(program.id, []):
        if version.ends_at is None or version.ends_at > at:
            yield "promotion", version.rule.when
    for campaign in running(session, [program.id], at).get(program.id, []):
        for goal in campaign.goals:
            yield "campaign", Tier(frozenset({goal.tier})) if goal.tier else goal.when
    for condition in offered_conditions(session, program.id, at):
        yield "reward", condition
