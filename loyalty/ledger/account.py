"""A locked account: its figures are moved here, in plain arithmetic; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from loyalty.errors import Conflict
from loyalty.ids import uuid7
from loyalty.ledger.rules import (
    MAX_POINTS,
    Balance,
    Bucket,
    Draw,
    Kind,
    Lot,
    LotsTooShort,
    OutOfRange,
    draw,
    due,
    expiry_after_return,
    move,
    settled,
)
from loyalty.programs.life_of_points import Expiry, life_to_json

_OWN = frozenset({Bucket.PENDING, Bucket.AVAILABLE})  # buckets whose points stand in open lots
_WAYS = {
    Kind.ACTIVATE: (Bucket.PENDING, Bucket.AVAILABLE),
    Kind.EXPIRE: (Bucket.AVAILABLE, Bucket.EXPIRED),
}
_EARNS_AND_BURNS = frozenset({Kind.AWARD, Kind.REDEEM, Kind.HOLD})  # they move an inactivity on


class InsufficientPoints(Conflict):
    """409: the account does not hold the points that were asked for."""

    code = "insufficient_points"
    title = "Not enough points"
    cure = "Read the balance and ask for no more than `available`."

    def __init__(self, available: int, asked: int) -> None:
        super().__init__(f"{asked} asked for, {available} available.")
        self.available = available
        self.asked = asked


class AccountFull(Conflict):
    """409: an account can't hold more than 2^53-1 points."""

    code = "account_full"
    title = "The account cannot hold that many points"
    cure = "An account holds 9007199254740991 points at most; spend some first."


@dataclass(slots=True)
class Account:
    """A locked account: its figures so far, and what is to be written. In points."""

    id: int
    program_id: int
    balance: Balance
    lifetime: int
    tier_points: int
    version: int
    active_at: datetime | None = None  # the last earn or burn among what is to be written
    entries: list[dict[str, Any]] = field(default_factory=list)
    lots: list[dict[str, Any]] = field(default_factory=list)
    draws: list[dict[str, Any]] = field(default_factory=list)

    def move(
        self,
        kind: Kind,
        from_bucket: Bucket,
        to_bucket: Bucket,
        points: int,
        *,
        cause_id: UUID,
        occurred_at: datetime,
        draws: Sequence[Draw] = (),
    ) -> int:
        """One entry: `points` > 0 from bucket to bucket; returns its version.

        `draws` name the lots that the points leave (or return to, when they come back into
        `pending` or `available` from elsewhere; or, from the one to the other, that activate).
        Raises InsufficientPoints, AccountFull.
        """
        try:
            after = move(self.balance, from_bucket, to_bucket, points)
        except OutOfRange as error:
            if error.would_be < 0:
                raise InsufficientPoints(error.would_be + points, points) from None
            raise AccountFull(f"{error.bucket} would be {error.would_be}.") from None
        self.balance = after
        self.version += 1
        self.entries.append(
            {
                "kind": kind,
                "account_id": self.id,
                "version": self.version,
                "from_bucket": from_bucket,
                "to_bucket": to_bucket,
                "points": points,
                "pending": after.pending,
                "available": after.available,
                "held": after.held,
                "owed": after.owed,
                "cause_id": cause_id,
                "occurred_at": occurred_at,
            }
        )
        if kind in _EARNS_AND_BURNS:
            self.note_activity(occurred_at)
        if draws:
            sign = (to_bucket in _OWN) - (from_bucket in _OWN)
            self.draws += [self._draw(one, sign) for one in draws]
        return self.version

    def note_activity(self, occurred_at: datetime) -> None:
        """An earn, also one worth nothing, or a burn: what expires by inactivity lives longer."""
        if self.active_at is None or self.active_at < occurred_at:
            self.active_at = occurred_at

    def _draw(self, one: Draw, sign: int) -> dict[str, Any]:
        return {
            "account_id": self.id,
            "version": self.version,
            "lot_id": one.lot_id,
            "points": one.points,
            "sign": sign,  # 0: it stays where it is and activates
        }

    def expect_room(self, points: int) -> None:
        """Raises AccountFull when so many points from outside, less what is owed, do not fit."""
        rest = points - min(points, self.balance.owed)
        here = self.balance.pending + self.balance.available + self.balance.held
        if rest and here + rest > MAX_POINTS:  # of all buckets: points come back, and activate
            raise AccountFull(f"{rest} on top of {here} points are more than {MAX_POINTS}.")

    def issue(
        self,
        kind: Kind,
        from_bucket: Bucket,
        points: int,
        *,
        cause_id: UUID,
        occurred_at: datetime,
        activates_at: datetime | None = None,
        expires_at: datetime | None = None,
        idle_days: int | None = None,
        once_released: Expiry | None = None,
        tier_points: int = 0,
    ) -> int:
        """Points come in from outside: they pay what is owed, the rest becomes a lot.

        Its life is that of loyalty.ledger.validity. Returns how many entries that made (0 when
        `points` is 0). Nothing has changed when it raises AccountFull.
        """
        self.expect_room(points)
        pays = min(points, self.balance.owed)
        rest = points - pays
        waits = activates_at is not None or once_released is not None
        target = Bucket.PENDING if waits else Bucket.AVAILABLE
        if pays:
            self.move(
                kind, from_bucket, Bucket.OWED, pays, cause_id=cause_id, occurred_at=occurred_at
            )
        if rest:
            self.move(kind, from_bucket, target, rest, cause_id=cause_id, occurred_at=occurred_at)
            self.lots.append(
                {
                    "account_id": self.id,
                    "id": self.version,
                    "points": rest,
                    "activates_at": activates_at,
                    "expires_at": expires_at,
                    "active": not waits,
                    "idle_days": idle_days,
                    "once_released": life_to_json(once_released) if once_released else None,
                }
            )
        self.lifetime = min(MAX_POINTS, self.lifetime + points)  # a figure to show, not a limit
        self.tier_points = min(MAX_POINTS, self.tier_points + tier_points)
        return bool(pays) + bool(rest)

    def arrive(
        self,
        kind: Kind,
        points: int,
        life: Lot,
        *,
        cause_id: UUID,
        occurred_at: datetime,
    ) -> Lot:
        """Points of another account come in as a lot that lives as `life` did there.

        They were earned before, so they count neither for `lifetime` nor for the tier.
        Raises AccountFull.
        """
        here = self.balance.pending + self.balance.available + self.balance.held
        if here + points > MAX_POINTS:
            raise AccountFull(f"{points} on top of {here} points are more than {MAX_POINTS}.")
        target = Bucket.AVAILABLE if life.active else Bucket.PENDING
        self.move(
            kind, Bucket.TRANSFERRED, target, points, cause_id=cause_id, occurred_at=occurred_at
        )
        self.lots.append(
            {
                "account_id": self.id,
                "id": self.version,
                "points": points,
                "activates_at": life.activates_at,
                "expires_at": life.expires_at,
                "active": life.active,
                "idle_days": life.idle_days,
                "once_released": life_to_json(life.once_released) if life.once_released else None,
            }
        )
        return replace(life, id=self.version, remaining=points)

    def settle(
        self, lots: Iterable[Lot], *, cause_id: UUID, occurred_at: datetime, at: datetime
    ) -> int:
        """Available points of `lots` pay what is owed as far as they go; returns how many."""
        points = min(self.balance.available, self.balance.owed)
        if points:
            self.take(
                Kind.SETTLE,
                Bucket.OWED,
                points,
                lots,
                cause_id=cause_id,
                occurred_at=occurred_at,
                at=at,
            )
        return points

    def take(
        self,
        kind: Kind,
        to_bucket: Bucket,
        points: int,
        lots: Iterable[Lot],
        *,
        cause_id: UUID,
        occurred_at: datetime,
        at: datetime,
    ) -> int:
        """Available points leave, paid by `lots` in burn order; returns the entry's version.

        Raises InsufficientPoints; nothing has changed then.
        """
        if points > self.balance.available:
            raise InsufficientPoints(self.balance.available, points)
        try:
            draws = draw(lots, points, at)
        except LotsTooShort as error:
            raise InsufficientPoints(error.there, points) from None
        return self.move(
            kind,
            Bucket.AVAILABLE,
            to_bucket,
            points,
            cause_id=cause_id,
            occurred_at=occurred_at,
            draws=draws,
        )

    def pass_time(self, lots: Iterable[Lot], at: datetime) -> list[Lot]:
        """Moves what is due of these lots by `at`; returns the lots as they stand then."""
        there = list(lots)
        for turn in due(there, at):
            self._turn(turn.kind, turn.points, turn.draws, occurred_at=turn.at)
        return settled(there, at)

    def _turn(
        self,
        kind: Kind,
        points: int,
        draws: Sequence[Draw],
        *,
        occurred_at: datetime,
        cause_id: UUID | None = None,
    ) -> int:
        source, target = _WAYS[kind]
        return self.move(
            kind,
            source,
            target,
            points,
            cause_id=cause_id or uuid7(),  # what time does has no cause but itself
            occurred_at=occurred_at,
            draws=draws,
        )

    def activate(
        self, lot: Lot, *, cause_id: UUID, at: datetime, expires_at: datetime | None
    ) -> int:
        """A pending lot is released at `at`, to live until `expires_at`; returns the version."""
        draws = [Draw(lot.id, lot.remaining)]
        version = self._turn(Kind.ACTIVATE, lot.remaining, draws, occurred_at=at, cause_id=cause_id)
        self.draws[-1]["expires_at"] = expires_at
        return version

    def bring_back(
        self,
        kind: Kind,
        from_bucket: Bucket,
        draws: Sequence[Draw],
        lots: Iterable[Lot],
        *,
        cause_id: UUID,
        occurred_at: datetime,
        at: datetime,
        grace_days: int,
    ) -> int:
        """Points return into `available`, to the lots that `draws` name; returns the version.

        `lots` are those lots as they stand, settled by `at`. Points of a lot that has expired
        expire at once, or, with `grace_days`, the lot lives on for so long.
        """
        points = sum(one.points for one in draws)
        version = self.move(
            kind,
            from_bucket,
            Bucket.AVAILABLE,
            points,
            cause_id=cause_id,
            occurred_at=occurred_at,
            draws=draws,
        )
        expiries = {lot.id: lot.expires_at for lot in lots}
        too_late = []
        for one, written in zip(draws, self.draws[-len(draws) :], strict=True):
            was = expiries[one.lot_id]
            lives_until = expiry_after_return(was, at, grace_days)
            if lives_until != was:
                written["expires_at"] = lives_until
            if lives_until is not None and lives_until <= at:
                too_late.append(one)
        if too_late:
            lost = sum(one.points for one in too_late)
            self._turn(Kind.EXPIRE, lost, too_late, occurred_at=at, cause_id=cause_id)
        return version

    def row(self) -> dict[str, Any]:
        """What is written to the account's row; `active_at` moves its inactivity lots on."""
        return {
            "id": self.id,
            "pending": self.balance.pending,
            "available": self.balance.available,
            "held": self.balance.held,
            "owed": self.balance.owed,
            "lifetime": self.lifetime,
            "tier_points": self.tier_points,
            "version": self.version,
            "active_at": self.active_at,
        }
