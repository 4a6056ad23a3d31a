"""Steps: what an activity, or a return of it, adds to campaigns, written under account locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.campaigns.queries import progress_of
from loyalty.campaigns.rules import (
    Campaign,
    Progress,
    RewardKind,
    advance,
    in_this_round,
    start,
)
from loyalty.ids import uuid7
from loyalty.outbox import handover
from loyalty.outbox.emit import Event, emit

SOURCE = ":campaign"  # of the bonuses that campaigns pay
GIVE = "gifts.give"  # the task that hands out rewards of the catalogue


@dataclass(frozen=True, slots=True)
class Step:
    """What is `added` for each goal of the campaign; below zero for what was returned.

    `cause_id` is the activity itself, or the return of it.
    """

    campaign: Campaign
    account_id: int
    membership_id: int
    activity_id: UUID
    cause_id: UUID
    occurred_at: datetime
    added: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """A member has completed a campaign for the `n`th time: its rewards are to be paid, once."""

    campaign: Campaign
    account_id: int
    member_id: str
    n: int
    cause_id: UUID
    occurred_at: datetime

    def key(self, position: int) -> str:
        """The key under which the reward at `position`, from 1, is paid: once, for ever."""
        return f"{self.campaign.id}-{self.account_id}-{self.n}-{position}"


@dataclass(slots=True)
class Course:
    """How far locked accounts are in campaigns, while one step is taken after the other.

    Nothing is written before `write`.
    """

    known: dict[tuple[int, int], Progress]  # (campaign, account) → so far
    taken: list[Step] = field(default_factory=list)
    completed: list[tuple[Step, int]] = field(default_factory=list)

    def take(self, step: Step) -> range:
        """Takes a step; returns the numbers of the rounds that it completed.

        What comes after the last round counts no more.
        """
        key = (step.campaign.id, step.account_id)
        before = self.known.get(key) or start(step.campaign)
        after = advance(step.campaign, before, step.added)
        rounds = range(before.completed + 1, after.completed + 1)
        if after is not before:
            self.known[key] = after
            self.taken.append(step)
            self.completed += [(step, n) for n in rounds]
        return rounds

    def write(self, session: Session, at: datetime) -> list[Completion]:
        """Writes what was taken and returns what it completed; nothing costs nothing.

        Events: campaign.progressed, campaign.completed.
        """
        if not self.taken:
            return []
        names = _names(session, {step.membership_id for step in self.taken})
        completions = [
            _completion(step, names[step.membership_id], n) for step, n in self.completed
        ]
        last = {(step.campaign.id, step.account_id): step for step in self.taken}
        reached = [(step, self.known[key]) for key, step in last.items()]
        _write(session, self.taken, reached, completions, at)
        events = [_progressed(step, names[step.membership_id], now) for step, now in reached]
        emit(session, [*events, *map(_completed, completions)], at)
        return completions


def open_course(
    session: Session, campaign_ids: Iterable[int], account_ids: Iterable[int]
) -> Course:
    """How far these accounts, which are locked, are in these campaigns."""
    return Course(progress_of(session, campaign_ids, account_ids))


_NAMES = text(
    "SELECT ms.id, m.member_id FROM membership ms"
    " JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id"
    " WHERE ms.tenant_id = :tenant AND ms.id = ANY(:ids)"
)


def _names(session: Session, membership_ids: Iterable[int]) -> dict[int, str]:
    rows = session.execute(
        _NAMES, {"tenant": session.info["tenant_id"], "ids": sorted(membership_ids)}
    )
    return {row.id: row.member_id for row in rows}


def _completion(step: Step, member_id: str, n: int) -> Completion:
    return Completion(step.campaign, step.account_id, member_id, n, step.cause_id, step.occurred_at)


_WRITE = text(
    "SELECT advance_campaigns(:tenant, CAST(:steps AS json), CAST(:progress AS json),"
    " CAST(:completions AS json), CAST(:boosts AS json), CAST(:gifts AS json))"
)


def _write(
    session: Session,
    steps: Iterable[Step],
    reached: Iterable[tuple[Step, Progress]],
    completions: Sequence[Completion],
    at: datetime,
) -> None:
    gifts = [row for one in completions for row in _gift_rows(one, at)]
    handover.note(session, [row["id"] for row in gifts], GIVE)
    session.execute(
        _WRITE,
        {
            "tenant": session.info["tenant_id"],
            "steps": _json(_step_row(one) for one in steps),
            "progress": _json(_progress_row(one, now) for one, now in reached),
            "completions": _json(_completion_row(one, at) for one in completions),
            "boosts": _json(row for one in completions for row in _boost_rows(one)),
            "gifts": _json(gifts),
        },
    )


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return orjson.dumps(list(rows), default=str).decode()


def _step_row(step: Step) -> dict[str, Any]:
    return {
        "campaign_id": step.campaign.id,
        "account_id": step.account_id,
        "activity_id": step.activity_id,
        "cause_id": step.cause_id,
        "counted": step.added,
    }


def _progress_row(step: Step, progress: Progress) -> dict[str, Any]:
    return {
        "campaign_id": step.campaign.id,
        "account_id": step.account_id,
        "counted": progress.counted,
        "completed": progress.completed,
    }


def _completion_row(completion: Completion, at: datetime) -> dict[str, Any]:
    return {
        "campaign_id": completion.campaign.id,
        "account_id": completion.account_id,
        "n": completion.n,
        "cause_id": completion.cause_id,
        "occurred_at": completion.occurred_at,
        "completed_at": at,
    }


def _boost_rows(completion: Completion) -> list[dict[str, Any]]:
    campaign = completion.campaign
    return [
        {
            "account_id": completion.account_id,
            "campaign_id": campaign.id,
            "n": completion.n,
            "position": position,
            "program_id": campaign.program_id,
            "factor": reward.factor,
            "starts_at": completion.occurred_at,
            "ends_at": completion.occurred_at + timedelta(days=reward.days),
        }
        for position, reward in enumerate(campaign.rewards, 1)
        if reward.kind is RewardKind.MULTIPLIER
    ]


def _gift_rows(completion: Completion, at: datetime) -> list[dict[str, Any]]:
    campaign = completion.campaign
    return [
        {
            "id": uuid7(),
            "program_id": campaign.program_id,
            "account_id": completion.account_id,
            "campaign_id": campaign.id,
            "n": completion.n,
            "position": position,
            "reward": reward.reward,
            "won_at": at,
        }
        for position, reward in enumerate(campaign.rewards, 1)
        if reward.kind is RewardKind.REWARD
    ]


def _progressed(step: Step, member_id: str, progress: Progress) -> Event:
    campaign = step.campaign
    data = {
        "campaign": campaign.key,
        "completed": progress.completed,
        "goals": [
            {"counted": f"{counted:f}", "wanted": f"{goal.wanted:f}"}
            for goal, counted in zip(campaign.goals, in_this_round(campaign, progress), strict=True)
        ],
    }
    return Event("campaign.progressed", f"member {member_id}", data, campaign.program_id)


def _completed(completion: Completion) -> Event:
    campaign = completion.campaign
    data = {
        "campaign": campaign.key,
        "n": completion.n,
        "cause_id": str(completion.cause_id),
        "occurred_at": completion.occurred_at.isoformat(),
    }
    return Event("campaign.completed", f"member {completion.member_id}", data, campaign.program_id)
