"""Progress: what a batch of awards furthers, under the locks of its accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.campaigns.boosts import Boost, boosts_of_reward
from loyalty.campaigns.rules import Campaign, Happening, counted
from loyalty.campaigns.steps import Completion, Course, Step, open_course


@dataclass(frozen=True, slots=True)
class Happened:
    """A happening of the member who stands on a locked account; `cause_id` is its activity."""

    program_id: int
    account_id: int
    membership_id: int
    cause_id: UUID
    happening: Happening


@dataclass(slots=True)
class Counting:
    """Counts for the campaigns (by program) what happens to the accounts of a batch.

    What furthers nothing costs nothing: how far the accounts are is read with the first that does.
    """

    session: Session
    campaigns: Mapping[int, Sequence[Campaign]]
    account_ids: Collection[int]
    course: Course | None = None

    def count(self, one: Happened) -> list[Boost]:
        """Counts what happened; returns the boosts that the member has from now on."""
        boosts: list[Boost] = []
        at = one.happening.activity.occurred_at
        for campaign in self.campaigns.get(one.program_id, ()):
            if not campaign.counts_at(at):
                continue
            added = tuple(counted(goal, one.happening) for goal in campaign.goals)
            if any(added):
                ids = one.account_id, one.membership_id, one.cause_id, one.cause_id
                for _ in self._course().take(Step(campaign, *ids, at, added)):
                    boosts += boosts_of_reward(campaign, at)
        return boosts

    def _course(self) -> Course:
        if self.course is None:
            ids = {campaign.id for every in self.campaigns.values() for campaign in every}
            self.course = open_course(self.session, ids, self.account_ids)
        return self.course

    def write(self, at: datetime) -> list[Completion]:
        """Writes what was counted, and returns what was completed by it."""
        return [] if self.course is None else self.course.write(self.session, at)
