"""The two statements of burns: one reads under the locks, one writes all of it.

Those that are opened together wait for nobody; one alone waits for its key and its account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from loyalty.db import Statements
from loyalty.errors import Problem, Unavailable
from loyalty.idempotency.once import Answer, IdempotencyInFlight, told_before
from loyalty.ledger.account import Account
from loyalty.ledger.post import written
from loyalty.ledger.rules import Balance, Lot
from loyalty.members.queries import NotEnrolled


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a burn repeatable: the caller's key for an operation, and the input's hash."""

    operation: str
    key: str
    input_hash: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be opened: for how many points, of whom, under which key."""

    under: Key
    program_id: int
    member_id: str
    points: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """What a burn decides with: the membership, the locked account, what is due, the next lots.

    `lapsing`: the time of a hold is over, and its points are still set aside.
    """

    membership_id: int
    status: str
    account: Account
    lots: Sequence[Lot]
    lapsing: bool


class InOtherHands(Exception):
    """Somebody else has the key or the account: this burn waits for it by itself."""


class _Row(NamedTuple):
    """What open_burns says of one: migrations/sql/0006_burns.sql."""

    earlier_hash: str | None
    earlier_status: int | None
    earlier_body: str | None
    membership_id: int | None = None
    membership_status: str | None = None
    account_id: int | None = None
    pending: int = 0
    available: int = 0
    held: int = 0
    owed: int = 0
    lifetime: int = 0
    tier_points: int = 0
    version: int = 0
    lots: Sequence[tuple[int, int, str | None, str | None, bool]] = ()
    lapsing: bool = False


_OPEN = (
    "SELECT open_burns(%(tenant)s, %(operations)s, %(keys)s, %(programs)s, %(members)s,"
    " CAST(%(points)s AS bigint[]), %(instants)s, %(waits)s)"
)
_CLOSE = (
    "SELECT close_burns(%(tenant)s, %(accounts)s, %(entries)s, %(lots)s, %(draws)s,"
    " %(redemptions)s, %(answers)s)"
)
_NOTHING = {"accounts": None, "entries": None, "lots": None, "draws": None}


def open_burn(statements: Statements, asked: Asked) -> Opened | Answer:
    """Takes the key and locks the account; or the answer that stands under the key already.

    Raises NotEnrolled, IdempotencyMismatch, and IdempotencyInFlight when the first request with
    the key is at work for longer than a second.
    """
    [found] = _rows(statements, [asked], waits=True)
    if found is None:
        raise IdempotencyInFlight
    return _opened(asked, found)


def open_together(
    statements: Statements, asked: Sequence[Asked]
) -> list[Opened | Answer | Problem | InOtherHands]:
    """What `open_burn` returns or raises of each, in their order, without waiting for anybody.

    Of those with one key or one account it is the first; the others are in its hands.
    """
    taken: set[object] = set()
    opened: list[Opened | Answer | Problem | InOtherHands] = []
    for one, found in zip(asked, _rows(statements, asked, waits=False), strict=True):
        ours: set[object] = {(one.under.operation, one.under.key)}
        if found is not None and found.account_id is not None:
            ours.add(found.account_id)
        if found is None or ours & taken:
            opened.append(InOtherHands())
            continue
        taken |= ours
        try:
            opened.append(_opened(one, found))
        except Problem as problem:
            opened.append(problem)
    return opened


def _rows(statements: Statements, asked: Sequence[Asked], *, waits: bool) -> list[_Row | None]:
    values = {
        "tenant": statements.tenant_id,
        "operations": [one.under.operation for one in asked],
        "keys": [one.under.key for one in asked],
        "programs": [one.program_id for one in asked],
        "members": [one.member_id for one in asked],
        "points": [one.points for one in asked],
        "instants": [one.at for one in asked],
        "waits": waits,
    }
    return [None if told is None else _Row(*told) for [told] in statements.rows(_OPEN, values)]


def _opened(asked: Asked, row: _Row) -> Opened | Answer:
    if row.earlier_hash is not None:
        return _told_before(row.earlier_hash, row, asked.under)
    if row.membership_id is None or row.account_id is None:
        raise NotEnrolled(asked.member_id)
    if row.membership_status is None:
        raise Unavailable("The membership is moving to another account.")
    account = Account(
        row.account_id,
        asked.program_id,
        Balance(row.pending, row.available, row.held, row.owed),
        row.lifetime,
        row.tier_points,
        row.version,
    )
    lots = [
        Lot(lot_id, remaining, _instant(expires_at), _instant(activates_at), active)
        for lot_id, remaining, expires_at, activates_at, active in row.lots
    ]
    return Opened(row.membership_id, row.membership_status, account, lots, row.lapsing)


def _told_before(earlier_hash: str, row: _Row, under: Key) -> Answer:
    earlier = told_before(
        bytes.fromhex(earlier_hash), row.earlier_status, row.earlier_body, under.input_hash
    )
    if earlier is None:
        raise LookupError("a key without its answer")
    return earlier


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(slots=True)
class Closing:
    """What burns have come to, to be written in one statement, which is the last one."""

    accounts: list[tuple[Account, datetime]] = field(default_factory=list)
    redemptions: list[Mapping[str, Any]] = field(default_factory=list)
    answers: list[Mapping[str, Any]] = field(default_factory=list)

    def add(
        self, under: Key, answer: Answer, at: datetime, account: Account, redemption: dict[str, Any]
    ) -> None:
        """What was moved on an account, the redemption, and the answer under its key."""
        self.accounts.append((account, at))
        self.redemptions.append({**redemption, "occurred_at": at})
        self.refuse(under, answer, at)

    def refuse(self, under: Key, answer: Answer, at: datetime) -> None:
        """The answer alone, where nothing else is to be written: a refusal."""
        told = {
            "operation": under.operation,
            "key": under.key,
            "hash": under.input_hash.hex(),
            "status": answer.status,
            "body": answer.body,
            "at": at,
        }
        self.answers.append(told)

    def write(self, statements: Statements) -> None:
        """Writes it, if it is anything."""
        if not self.answers:
            return
        moved: Mapping[str, str | None] = _NOTHING
        if self.accounts:
            moved = written(self.accounts)
        values = {
            "tenant": statements.tenant_id,
            **moved,
            "redemptions": orjson.dumps(self.redemptions).decode() if self.accounts else None,
            "answers": orjson.dumps(self.answers).decode(),
        }
        statements.end(_CLOSE, values)
