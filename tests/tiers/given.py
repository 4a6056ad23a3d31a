"""Members on ladders with windows, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.award import award_activities
from loyalty.lifecycle.review_tiers import review_tiers
from loyalty.members.queries import membership_of
from loyalty.members.standing import Standing, standings
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings, tier_policy
from tests.earning.given import bought, stored
from tests.opened import AT, opened

DAY = timedelta(days=1)


def windowed(session: Session, **policy: Any) -> Program:
    """A program whose tiers are gained and lost so; 1 USD is 1 point."""
    settings = ProgramSettings(late_window_days=3650, tier_policy=tier_policy(policy))
    return opened(session, settings=settings)


def buy(
    session: Session,
    program: Program,
    amount: str,
    occurred_at: datetime,
    member_id: str = "ann",
    at: datetime | None = None,
    body: Mapping[str, Any] | None = None,
) -> None:
    """A purchase, judged when it occurred or at `at`."""
    earn = bought(amount, member_id, occurred_at=occurred_at, body=body)
    then = at or occurred_at
    award_activities(session, stored(session, program, earn, at=then), then)


def standing(session: Session, program: Program, member_id: str = "ann") -> Standing:
    """The membership as it stands."""
    membership = membership_of(session, program.id, member_id)
    return standings(session, [membership.id])[membership.id]


def tier(session: Session, program: Program, member_id: str = "ann") -> tuple[str, datetime | None]:
    """The tier and until when it is kept at least."""
    one = standing(session, program, member_id)
    return one.tier_key, one.tier_until


def review(session: Session, program: Program, at: datetime) -> int:
    """What beat does at `at`; returns how many looks it took."""
    looks = 0
    while seen := review_tiers(session, program.id, at, most=100):
        looks += seen
    return looks


def events(session: Session) -> list[tuple[str, dict[str, Any]]]:
    """What was told of tiers, in order."""
    rows = session.execute(
        text("SELECT type, data FROM event WHERE type LIKE 'tier.%' ORDER BY seq")
    )
    return [(row.type, row.data) for row in rows]


def days(session: Session) -> dict[str, tuple[int, Decimal]]:
    """What counted on each day that is counted."""
    rows = session.execute(text("SELECT day, points, spend FROM tier_progress ORDER BY day"))
    return {row.day.isoformat(): (row.points, row.spend) for row in rows}


__all__ = [
    "AT",
    "DAY",
    "buy",
    "days",
    "events",
    "review",
    "standing",
    "tier",
    "windowed",
]
