"""The two statements of a burn: one reads under the lock, one writes all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from loyalty.errors import Unavailable
from loyalty.idempotency.once import Answer, IdempotencyInFlight, in_flight, told_before
from loyalty.ledger.post import Account, account_of, written
from loyalty.ledger.rules import Lot
from loyalty.members.queries import NotEnrolled


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a burn repeatable: the caller's key for an operation, and the input's hash."""

    operation: str
    key: str
    input_hash: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """What a burn decides with: the membership's status, the locked account, and its next lots."""

    status: str
    account: Account
    lots: Sequence[Lot]


_OPEN = text(
    "SELECT * FROM open_burn(:tenant, :operation, :key, CAST(:hash AS bytea), :program, :member,"
    " :points, CAST(:at AS timestamptz))"
)
_CLOSE = text(
    "SELECT close_burn(:tenant, CAST(:accounts AS json), CAST(:entries AS json),"
    " CAST(:draws AS json), CAST(:redemption AS json), :operation, :key,"
    " CAST(:status AS smallint), :body)"
)
_ANSWER = text(
    "UPDATE idempotency SET status = :status, body = :body"
    " WHERE tenant_id = :tenant AND operation = :operation AND key = :key"
)


def open_burn(
    session: Session, under: Key, program_id: int, member_id: str, points: int, at: datetime
) -> Opened | Answer:
    """Takes the key and locks the account; or the answer that stands under the key already.

    Raises NotEnrolled, IdempotencyMismatch, and IdempotencyInFlight when the first request with
    the key is at work for longer than a second.
    """
    try:
        row = session.execute(
            _OPEN,
            {
                **_named(session, under),
                "hash": under.input_hash,
                "program": program_id,
                "member": member_id,
                "points": points,
                "at": at,
            },
        ).one()
    except OperationalError as error:
        if in_flight(error):
            raise IdempotencyInFlight from error
        raise
    earlier = told_before(row.earlier_hash, row.earlier_status, row.earlier_body, under.input_hash)
    if earlier is not None:
        return earlier
    if row.account_id is None:
        raise NotEnrolled(member_id)
    if row.membership_status is None:
        raise Unavailable("The membership is moving to another account.")
    lots = [
        Lot(lot_id, remaining, datetime.fromisoformat(expires_at) if expires_at else None)
        for lot_id, remaining, expires_at in row.lots
    ]
    return Opened(row.membership_status, account_of(row, row.account_id, program_id), lots)


def close_burn(
    session: Session,
    under: Key,
    account: Account,
    redemption: Mapping[str, Any],
    answer: Answer,
    at: datetime,
) -> None:
    """Writes what was moved, the redemption, and the answer under its key."""
    moved = written([account], at)
    session.execute(
        _CLOSE,
        {
            **_named(session, under),
            "accounts": moved["accounts"],
            "entries": moved["entries"],
            "draws": moved["draws"],
            "redemption": orjson.dumps(redemption).decode(),
            "status": answer.status,
            "body": answer.body,
        },
    )


def store_answer(session: Session, under: Key, answer: Answer) -> None:
    """Writes the answer under its key where nothing else is to be written: a refusal."""
    session.execute(
        _ANSWER, {**_named(session, under), "status": answer.status, "body": answer.body}
    )


def _named(session: Session, under: Key) -> dict[str, Any]:
    return {
        "tenant": session.info["tenant_id"],
        "operation": under.operation,
        "key": under.key,
    }
