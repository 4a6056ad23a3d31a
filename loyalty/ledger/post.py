"""The ledger's verbs: open an account, lock accounts, move points, write what was moved.

A caller locks, moves points on the `Account` objects (plain arithmetic, nothing is written),
and hands all of them to `post`, which writes them in one statement. Postgres proves every
figure again (migrations/sql/0001_invariants.sql).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import Conflict
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
    move,
)

_OWN = frozenset({Bucket.PENDING, Bucket.AVAILABLE})  # buckets whose points stand in open lots


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
        `pending` or `available` from elsewhere). Raises InsufficientPoints, AccountFull.
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
        sign = -1 if from_bucket in _OWN else 1
        self.draws += [self._draw(one, sign) for one in draws]
        return self.version

    def _draw(self, one: Draw, sign: int) -> dict[str, int]:
        return {
            "account_id": self.id,
            "version": self.version,
            "lot_id": one.lot_id,
            "points": one.points,
            "sign": sign,
        }

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
        tier_points: int = 0,
    ) -> int:
        """Points come in from outside: they pay what is owed, the rest becomes a lot.

        Returns how many entries that made (0 when `points` is 0). Nothing has changed when it
        raises AccountFull.
        """
        pays = min(points, self.balance.owed)
        rest = points - pays
        target = Bucket.PENDING if activates_at else Bucket.AVAILABLE
        held_there = self.balance.pending if activates_at else self.balance.available
        if held_there + rest > MAX_POINTS:
            raise AccountFull(f"{rest} on top of {held_there} points are more than {MAX_POINTS}.")
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
                    "active": activates_at is None,
                }
            )
        self.lifetime = min(MAX_POINTS, self.lifetime + points)  # a figure to show, not a limit
        self.tier_points = min(MAX_POINTS, self.tier_points + tier_points)
        return bool(pays) + bool(rest)

    def arrive(
        self,
        kind: Kind,
        points: int,
        *,
        cause_id: UUID,
        occurred_at: datetime,
        activates_at: datetime | None,
        expires_at: datetime | None,
        active: bool,
    ) -> Lot:
        """Points of another account come in as a lot that keeps the dates it had there.

        They were earned before, so they count neither for `lifetime` nor for the tier.
        Raises AccountFull.
        """
        target = Bucket.AVAILABLE if active else Bucket.PENDING
        self.move(
            kind, Bucket.TRANSFERRED, target, points, cause_id=cause_id, occurred_at=occurred_at
        )
        self.lots.append(
            {
                "account_id": self.id,
                "id": self.version,
                "points": points,
                "activates_at": activates_at,
                "expires_at": expires_at,
                "active": active,
            }
        )
        return Lot(self.version, points, expires_at, activates_at, active)

    def settle(
        self, lots: Iterable[Lot], *, cause_id: UUID, occurred_at: datetime, at: datetime
    ) -> int:
        """Available points, paid by `lots`, pay what is owed as far as they go; returns how many."""
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

    def row(self) -> dict[str, int]:
        """What is written to the account's row."""
        return {
            "id": self.id,
            "pending": self.balance.pending,
            "available": self.balance.available,
            "held": self.balance.held,
            "owed": self.balance.owed,
            "lifetime": self.lifetime,
            "tier_points": self.tier_points,
            "version": self.version,
        }


_OPEN = text(
    "INSERT INTO account (tenant_id, program_id) VALUES (:tenant_id, :program_id) RETURNING id"
)
_LOCK = text(
    "SELECT id, program_id, pending, available, held, owed, lifetime, tier_points, version"
    " FROM account WHERE tenant_id = :tenant_id AND id = ANY(:ids) ORDER BY id FOR UPDATE"
)
_LOTS = text(
    "SELECT id, remaining, expires_at, activates_at, active FROM lot"
    " WHERE tenant_id = :tenant_id AND account_id = :account_id AND open AND active = :active"
    " ORDER BY expires_at, id LIMIT :most OFFSET :start"
)
_POST = text(
    "SELECT post_entries(:tenant_id, CAST(:accounts AS json), CAST(:entries AS json),"
    " CAST(:lots AS json), CAST(:draws AS json))"
)
_FIRST_LOTS, _MOST_LOTS = 10, 1000  # lots read at once: few at first, for most burns need one


def open_account(session: Session, program_id: int) -> int:
    """A new account with nothing in it; returns its id."""
    return int(
        session.execute(
            _OPEN, {"tenant_id": session.info["tenant_id"], "program_id": program_id}
        ).scalar_one()
    )


def lock_accounts(session: Session, account_ids: Iterable[int]) -> dict[int, Account]:
    """Locks accounts FOR UPDATE in the order of their ids: the one way to lock accounts."""
    ids = sorted(set(account_ids))
    rows = session.execute(_LOCK, {"tenant_id": session.info["tenant_id"], "ids": ids})
    return {row.id: account_of(row, row.id, row.program_id) for row in rows}


def account_of(row: Row[Any], account_id: int, program_id: int) -> Account:
    """The account whose figures stand in `row`, read under its lock."""
    return Account(
        account_id,
        program_id,
        Balance(row.pending, row.available, row.held, row.owed),
        row.lifetime,
        row.tier_points,
        row.version,
    )


def open_lots(
    session: Session, account_id: int, points: int, at: datetime, *, active: bool = True
) -> list[Lot]:
    """The lots that pay the next `points` of a locked account, in burn order, read in pages.

    With `active=False`, those whose points stand in `pending`.
    """
    lots: list[Lot] = []
    missing, most = points, _FIRST_LOTS
    while missing > 0:
        page = session.execute(
            _LOTS,
            {
                "tenant_id": session.info["tenant_id"],
                "account_id": account_id,
                "active": active,
                "most": most,
                "start": len(lots),
            },
        ).all()
        for row in page:
            lots.append(Lot(row.id, row.remaining, row.expires_at, row.activates_at, row.active))
            if row.expires_at is None or row.expires_at > at:
                missing -= row.remaining
        if len(page) < most:
            break
        most = min(most * 10, _MOST_LOTS)
    return lots


def post(session: Session, accounts: Iterable[Account], at: datetime) -> None:
    """Writes all that was moved on locked accounts, in one statement; `at` is `recorded_at`."""
    changed = [account for account in accounts if account.entries]
    if changed:
        session.execute(_POST, {"tenant_id": session.info["tenant_id"], **written(changed, at)})


def written(changed: Sequence[Account], at: datetime) -> dict[str, str | None]:
    """What `post_entries` takes for these accounts: accounts, entries, lots, draws, as JSON.

    Takes it off the accounts: what was handed out once must not be written again.
    """
    entries = [{**entry, "recorded_at": at} for account in changed for entry in account.entries]
    lots = [lot for account in changed for lot in account.lots]
    draws = [one for account in changed for one in account.draws]
    rows = [account.row() for account in changed]
    for account in changed:
        account.entries, account.lots, account.draws = [], [], []
    return {
        "accounts": orjson.dumps(rows).decode(),
        "entries": orjson.dumps(entries).decode(),
        "lots": orjson.dumps(lots).decode() if lots else None,
        "draws": orjson.dumps(draws).decode() if draws else None,
    }


def start_again(session: Session, account_id: int) -> None:
    """A member joins again: tier-qualifying points start at 0 on the same, locked account."""
    session.execute(
        text("UPDATE account SET tier_points = 0 WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": session.info["tenant_id"], "id": account_id},
    )


_LOWER = text(
    "UPDATE account a SET tier_points = b.tier_points - least(b.tier_points, :points)"
    " FROM account b WHERE a.tenant_id = :tenant_id AND a.id = :id"
    " AND b.tenant_id = a.tenant_id AND b.id = a.id RETURNING b.tier_points - a.tier_points"
)


def take_tier_points(session: Session, account_id: int, points: int) -> int:
    """Tier-qualifying points go back, as far as there are any; returns how many.

    The account is locked, and what was moved on it is posted.
    """
    values = {"tenant_id": session.info["tenant_id"], "id": account_id, "points": points}
    return int(session.execute(_LOWER, values).scalar_one())
