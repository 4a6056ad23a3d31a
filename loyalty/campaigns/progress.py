"""Progress: what a batch of awards furthers, under the locks of its accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.campaigns.rules import Campaign, Happening, counted
from loyalty.campaigns.steps import Completion, Step, take_steps


@dataclass(frozen=True, slots=True)
class Happened:
    """A happening of the member who stands on a locked account; `cause_id` is its activity."""

    program_id: int
    account_id: int
    membership_id: int
    cause_id: UUID
    happening: Happening


def progress(
    session: Session,
    campaigns: Mapping[int, Sequence[Campaign]],
    happened: Iterable[Happened],
    at: datetime,
) -> list[Completion]:
    """Counts what happened for the campaigns (by program) and returns what was completed.

    What furthers nothing costs nothing.
    """
    steps = [
        Step(
            campaign,
            one.account_id,
            one.membership_id,
            one.cause_id,
            one.cause_id,
            one.happening.activity.occurred_at,
            added,
        )
        for one in happened
        for campaign in campaigns.get(one.program_id, ())
        if campaign.counts_at(one.happening.activity.occurred_at)
        and any(added := tuple(counted(goal, one.happening) for goal in campaign.goals))
    ]
    return take_steps(session, steps, at)
