"""What people may do for a member, and what moves when they do: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from loyalty.ledger.rules import MAX_POINTS
from loyalty.tiers.rules import Held

Period = Literal["day", "week", "month", "year"]


def alone_up_to(
    role: str, support_adjusts_up_to: int, admin_adjusts_up_to: int | None
) -> int | None:
    """How many points, of either sign, a role may adjust without a second person; None: any."""
    return admin_adjusts_up_to if role == "admin" else support_adjusts_up_to


def needs_a_second(points: int, up_to: int | None) -> bool:
    """Whether an adjustment of `points` waits for a second person."""
    return up_to is not None and abs(points) > up_to


def period_start(period: Period, at: datetime, zone: str) -> datetime:
    """When the calendar period of `at` began in an IANA time zone; a week begins on Monday."""
    local = at.astimezone(ZoneInfo(zone))
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if period == "year" else day


class NotTransferable(ArithmeticError):
    """A transfer is outside its limits; the message is the sentence that says so."""


def check_transfer(
    points: int,
    given_before: int,
    *,
    at_least: int,
    at_most: int | None,
    per_period: int | None,
    period: Period,
) -> None:
    """Raises NotTransferable; `given_before` is what the member gave in this period already."""
    if points < at_least:
        raise NotTransferable(f"At least {at_least} points are transferred at once.")
    if at_most is not None and points > at_most:
        raise NotTransferable(f"At most {at_most} points are transferred at once.")
    if per_period is not None and given_before + points > per_period:
        left = max(0, per_period - given_before)
        raise NotTransferable(
            f"At most {per_period} points are transferred in a {period}; {left} are left."
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A membership as a merge sees it; `threshold` is where its tier begins."""

    status: str
    joined_at: datetime
    held: Held
    threshold: int
    tier_points: int


def merged(survivor: Standing, absorbed: Standing) -> Standing:
    """How the survivor stands: who has left counts for nothing, unless both have; suspended wins,
    for a merge reinstates nobody; the higher tier, for the longer; since the earlier joining."""
    present = [one for one in (survivor, absorbed) if one.status != "cancelled"]
    if not present:
        return survivor
    best = max(present, key=lambda one: one.threshold)
    alike = [one.held for one in present if one.held.key == best.held.key]
    untils = [held.until for held in alike if held.until is not None]
    protected = [one.held.protected_until for one in present if one.held.protected_until]
    held = Held(
        best.held.key,
        min(held.since for held in alike),
        max(untils) if len(untils) == len(alike) else None,
        max(protected, default=None),
    )
    return Standing(
        "suspended" if any(one.status == "suspended" for one in present) else "active",
        min(one.joined_at for one in present),
        held,
        best.threshold,
        min(MAX_POINTS, sum(one.tier_points for one in present)),
    )
