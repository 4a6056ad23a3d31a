"""What people may do for a member, and what moves when they do: pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from loyalty.ledger.rules import Bucket, Draw

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


Life = TypeVar("Life", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Parcel(Generic[Life]):
    """Points that move together and arrive as one lot, for they share their life."""

    life: Life
    draws: tuple[Draw, ...]

    @property
    def points(self) -> int:
        """How many points move."""
        return sum(one.points for one in self.draws)


def parcels(lives: Mapping[int, Life], draws: Iterable[Draw]) -> list[Parcel[Life]]:
    """The draws gathered by the life of their lots, in the order of the draws."""
    gathered: dict[Life, list[Draw]] = {}
    for one in draws:
        gathered.setdefault(lives[one.lot_id], []).append(one)
    return [Parcel(life, tuple(taken)) for life, taken in gathered.items()]


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry as it was written. `draws` left or reached lots; `made` says that its points are
    a lot of their own, whose id is `version`."""

    version: int
    from_bucket: Bucket
    to_bucket: Bucket
    points: int
    draws: tuple[Draw, ...] = ()
    made: bool = False

    def undone(self) -> Movement:
        """The movement that takes it back: the lot that it made is emptied, draws are returned."""
        draws = (Draw(self.version, self.points),) if self.made else self.draws
        return Movement(self.version, self.to_bucket, self.from_bucket, self.points, draws)


def undone(movements: Sequence[Movement]) -> list[Movement]:
    """What takes all of them back: the last first."""
    return [one.undone() for one in reversed(movements)]


@dataclass(frozen=True, slots=True)
class Standing:
    """A membership as a merge sees it; tiers by the threshold from which they are reached."""

    status: str
    joined_at: datetime
    tier_key: str
    tier_threshold: int
    tier_since: datetime
    tier_until: datetime | None
    tier_points: int


def merged(survivor: Standing, absorbed: Standing) -> Standing:
    """How the survivor stands: who has left counts for nothing, unless both have; suspended wins,
    for a merge reinstates nobody; the higher tier; since the earlier joining."""
    present = [one for one in (survivor, absorbed) if one.status != "cancelled"]
    if not present:
        return survivor
    best = max(present, key=lambda one: one.tier_threshold)
    alike = [one for one in present if one.tier_key == best.tier_key]
    untils = [one.tier_until for one in alike]
    kept = [until for until in untils if until is not None]
    return Standing(
        "suspended" if any(one.status == "suspended" for one in present) else "active",
        min(one.joined_at for one in present),
        best.tier_key,
        best.tier_threshold,
        min(one.tier_since for one in alike),
        max(kept) if len(kept) == len(untils) else None,
        sum(one.tier_points for one in present),
    )
