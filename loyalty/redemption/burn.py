"""The two statements of a burn: one reads under the lock, one writes all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy.exc import OperationalError

from loyalty.db import Statements
from loyalty.errors import Unavailable
from loyalty.idempotency.once import Answer, IdempotencyInFlight, in_flight, told_before
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
class Opened:
    """What a burn decides with: the membership, the locked account, what is due, the next lots.

    `lapsing`: the time of a hold is over, and its points are still set aside.
    """

    membership_id: int
    status: str
    account: Account
    lots: Sequence[Lot]
    lapsing: bool


class _Row(NamedTuple):
    """What open_burn says: migrations/sql/0002_rewards.sql."""

    earlier_hash: bytes | None
    earlier_status: int | None
    earlier_body: str | None
    membership_id: int | None
    membership_status: str | None
    account_id: int | None
    pending: int
    available: int
    held: int
    owed: int
    lifetime: int
    tier_points: int
    version: int
    lots: Sequence[tuple[int, int, str | None, str | None, bool]]
    lapsing: bool


_OPEN = (
    f"SELECT {', '.join(_Row._fields)}"  # noqa: S608 - the names stand just above
    " FROM open_burn(%(tenant)s, %(operation)s, %(key)s, %(program)s, %(member)s, %(points)s,"
    " %(at)s)"
)
_CLOSE = (
    "SELECT close_burn(%(tenant)s, %(accounts)s, %(entries)s, %(lots)s, %(draws)s,"
    " %(redemption)s, %(operation)s, %(key)s, %(hash)s, %(status)s::smallint, %(body)s, %(at)s)"
)
_NOTHING = {"accounts": None, "entries": None, "lots": None, "draws": None}


def open_burn(
    statements: Statements,
    under: Key,
    program_id: int,
    member_id: str,
    points: int,
    at: datetime,
) -> Opened | Answer:
    """Takes the key and locks the account; or the answer that stands under the key already.

    Raises NotEnrolled, IdempotencyMismatch, and IdempotencyInFlight when the first request with
    the key is at work for longer than a second.
    """
    values = {**_named(statements, under), "program": program_id, "member": member_id}
    try:
        found = statements.row(_OPEN, {**values, "points": points, "at": at})
    except OperationalError as error:
        if in_flight(error):
            raise IdempotencyInFlight from error
        raise
    if found is None:
        raise LookupError("open_burn returned nothing")
    row = _Row(*found)
    if row.earlier_hash is None:
        return _opened(row, program_id, member_id)
    earlier = told_before(row.earlier_hash, row.earlier_status, row.earlier_body, under.input_hash)
    if earlier is None:
        raise LookupError("a key without its answer")
    return earlier


def _opened(row: _Row, program_id: int, member_id: str) -> Opened:
    if row.membership_id is None or row.account_id is None:
        raise NotEnrolled(member_id)
    if row.membership_status is None:
        raise Unavailable("The membership is moving to another account.")
    account = Account(
        row.account_id,
        program_id,
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


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def close_burn(
    statements: Statements,
    under: Key,
    account: Account,
    redemption: Mapping[str, Any],
    answer: Answer,
    at: datetime,
) -> None:
    """Writes what was moved, the redemption, and the answer under its key; the last statement."""
    moved = written([account], at)
    statements.end(
        _CLOSE,
        {
            **_answered(statements, under, answer, at),
            **moved,
            "redemption": orjson.dumps(redemption).decode(),
        },
    )


def store_answer(statements: Statements, under: Key, answer: Answer, at: datetime) -> None:
    """Writes the answer under its key where nothing else is to be written: a refusal."""
    told = _answered(statements, under, answer, at)
    statements.end(_CLOSE, {**told, **_NOTHING, "redemption": None})


def _answered(
    statements: Statements, under: Key, answer: Answer, at: datetime
) -> dict[str, object]:
    return {
        **_named(statements, under),
        "hash": under.input_hash,
        "status": answer.status,
        "body": answer.body,
        "at": at,
    }


def _named(statements: Statements, under: Key) -> dict[str, object]:
    return {"tenant": statements.tenant_id, "operation": under.operation, "key": under.key}
