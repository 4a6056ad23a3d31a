"""How points move: pure. Balances after a movement, which lots pay, and what time does to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from loyalty.programs.life_of_points import Expiry

MAX_POINTS = 2**53 - 1  # the most any figure of an account can hold


class Bucket(StrEnum):
    """Where points stand: four of the account, then the outside."""

    PENDING = "pending"
    AVAILABLE = "available"
    HELD = "held"
    OWED = "owed"
    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    REVERSED = "reversed"
    ADJUSTED = "adjusted"
    FORFEITED = "forfeited"
    TRANSFERRED = "transferred"


class Kind(StrEnum):
    """Why points moved; an entry's `cause_id` is the id of what this names."""

    AWARD = "award"
    REDEEM = "redeem"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    LAPSE = "lapse"
    CANCEL = "cancel"
    ADJUST = "adjust"
    ACTIVATE = "activate"
    EXPIRE = "expire"
    FORFEIT = "forfeit"
    REVERSE = "reverse"
    TRANSFER = "transfer"
    MERGE = "merge"
    SETTLE = "settle"
    OPENING = "opening"


class OutOfRange(ArithmeticError):
    """A bucket would leave 0..MAX_POINTS; `bucket` and `would_be` say which and how far."""

    def __init__(self, bucket: Bucket, would_be: int) -> None:
        super().__init__(f"{bucket} would be {would_be}")
        self.bucket = bucket
        self.would_be = would_be


#: Where an own bucket stands in a balance; those of the outside stand nowhere.
_PLACES = {
    bucket: place
    for place, bucket in enumerate((Bucket.PENDING, Bucket.AVAILABLE, Bucket.HELD, Bucket.OWED))
}


class Balance(NamedTuple):
    """The account's own buckets, in points, each in 0..MAX_POINTS; `owed` counts negative."""

    pending: int = 0
    available: int = 0
    held: int = 0
    owed: int = 0

    @property
    def net(self) -> int:
        """What came in less what went out, in points."""
        return self.pending + self.available + self.held - self.owed


def move(balance: Balance, from_bucket: Bucket, to_bucket: Bucket, points: int) -> Balance:
    """The balance after `points` > 0 went from one bucket to another.

    `owed` is a contra bucket: points that leave it raise the debt, points that reach it pay it.
    Raises OutOfRange, and ValueError for a movement that is none.
    """
    if points <= 0 or from_bucket == to_bucket:
        raise ValueError(f"{points} points from {from_bucket} to {to_bucket} is no movement")
    figures = list(balance)
    for bucket, change in ((from_bucket, -points), (to_bucket, points)):
        place = _PLACES.get(bucket)
        if place is not None:
            figure = figures[place] + (-change if bucket is Bucket.OWED else change)
            if not 0 <= figure <= MAX_POINTS:
                raise OutOfRange(bucket, figure)
            figures[place] = figure
    return Balance(*figures)


@dataclass(frozen=True, slots=True)
class Lot:
    """Points earned together. `active` is false while they stand in `pending`: until
    `activates_at`, or (None) until they are released. `expires_at` None: never. `idle_days` and
    `once_released`: see loyalty.ledger.validity."""

    id: int
    remaining: int
    expires_at: datetime | None = None
    activates_at: datetime | None = None
    active: bool = True
    idle_days: int | None = None
    once_released: Expiry | None = None


@dataclass(frozen=True, slots=True)
class Draw:
    """How many points of a lot an entry takes (or, where the entry gives back, returns)."""

    lot_id: int
    points: int


class LotsTooShort(ArithmeticError):
    """The lots hold fewer points than were asked for."""

    def __init__(self, there: int, asked: int) -> None:
        super().__init__(f"{there} points there, {asked} asked for")
        self.there = there
        self.asked = asked


def _soonest_first(lot: Lot) -> tuple[bool, float, int]:
    return (
        lot.expires_at is None,
        lot.expires_at.timestamp() if lot.expires_at else 0.0,
        lot.id,
    )


def draw(lots: Iterable[Lot], points: int, at: datetime) -> list[Draw]:
    """Which lots pay: soonest to expire first, then oldest; those that never expire come last.

    Never draws from an expired or a pending lot. Raises LotsTooShort(there, asked).
    """
    usable = [
        lot
        for lot in lots
        if lot.active and lot.remaining and (lot.expires_at is None or lot.expires_at > at)
    ]
    draws: list[Draw] = []
    missing = points
    for lot in sorted(usable, key=_soonest_first):
        if not missing:
            break
        taken = min(missing, lot.remaining)
        draws.append(Draw(lot.id, taken))
        missing -= taken
    if missing:
        raise LotsTooShort(points - missing, points)
    return draws


def drawn(lots: Sequence[Lot], draws: Sequence[Draw]) -> list[Lot]:
    """The lots after the draws were taken from them."""
    taken = {one.lot_id: one.points for one in draws}
    return [replace(lot, remaining=lot.remaining - taken.get(lot.id, 0)) for lot in lots]


@dataclass(frozen=True, slots=True)
class Turn:
    """What is due of an account at the instant `at`: lots that activate, or that expire."""

    kind: Kind
    at: datetime
    draws: tuple[Draw, ...]

    @property
    def points(self) -> int:
        """How many points that moves."""
        return sum(one.points for one in self.draws)


def due(lots: Iterable[Lot], at: datetime) -> list[Turn]:
    """What time has done to the lots by `at`, in the order of its instants, the lots of one
    instant together. A lot that should have activated and expired meanwhile does both.
    """
    turns: dict[tuple[datetime, Kind], list[Draw]] = defaultdict(list)
    for lot in lots:
        whole = Draw(lot.id, lot.remaining)
        since = lot.activates_at if not lot.active else None
        if not lot.remaining or (not lot.active and (since is None or since > at)):
            continue
        if since is not None:
            turns[since, Kind.ACTIVATE].append(whole)
        if lot.expires_at is not None and lot.expires_at <= at:
            turns[max(lot.expires_at, since or lot.expires_at), Kind.EXPIRE].append(whole)
    return [
        Turn(kind, instant, tuple(sorted(draws, key=lambda one: one.lot_id)))
        for (instant, kind), draws in sorted(turns.items())
    ]


def settled(lots: Iterable[Lot], at: datetime) -> list[Lot]:
    """The lots as they stand when all that is due by `at` has been done; expired ones are gone."""
    return [
        replace(lot, active=lot.active or _has_activated(lot, at))
        for lot in lots
        if not (lot.active or _has_activated(lot, at)) or not _has_expired(lot, at)
    ]


def _has_activated(lot: Lot, at: datetime) -> bool:
    return lot.activates_at is not None and lot.activates_at <= at


def _has_expired(lot: Lot, at: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at <= at


def expiry_after_return(
    expires_at: datetime | None, at: datetime, grace_days: int
) -> datetime | None:
    """When points expire that come back at `at` to a lot that expires at `expires_at`.

    A lot that still lives keeps its expiry. One that has expired lives on for `grace_days`; with
    none the points expire at once: the answer is not after `at` then. None: never.
    """
    if expires_at is None or expires_at > at or not grace_days:
        return expires_at
    return at + timedelta(days=grace_days)
