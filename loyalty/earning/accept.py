"""Accept: what the outside tells is stored once per (program, source, transaction_id)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from loyalty.errors import Invalid, Problem
from loyalty.ids import uuid7

_MOST_REMEMBERED = 10_000  # a purchase tells each amount several times
AHEAD = timedelta(minutes=10)  # how far a till's clock may be ahead of ours


class TransactionMismatch(Problem):
    """422: this transaction id was taken before, with other content."""

    status = 422
    code = "transaction_mismatch"
    title = "The same transaction id came before with other content"
    cure = (
        "A transaction is stored as it first came. Send a correction as a return, or use a new "
        "transaction_id for another purchase."
    )


@dataclass(frozen=True, slots=True)
class Earn:
    """A purchase, visit or event as a source tells it. `body` holds what is no column."""

    source: str
    transaction_id: str
    kind: str
    occurred_at: datetime
    member_id: str | None = None
    identifier: tuple[str, str] | None = None
    amount: Decimal | None = None
    currency: str | None = None
    retailer: str | None = None
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The stored activity: `fresh` if this call stored it, `same` if its content is ours."""

    id: UUID
    fresh: bool
    same: bool


def plain(value: Any) -> str:
    """A decimal in one way only: 12.5 and 12.50 are the same amount."""
    if isinstance(value, Decimal):
        return _plain(value)
    raise TypeError(type(value).__name__)


@lru_cache(_MOST_REMEMBERED)
def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"


def input_hash(earn: Earn) -> str:
    """16 bytes in hex over the parsed values: equal numbers and instants are equal, not bytes."""
    values = (
        earn.kind,
        earn.occurred_at.astimezone(UTC),
        earn.member_id,
        earn.identifier,
        earn.amount,
        earn.currency,
        earn.retailer,
        earn.body,
    )
    text_form = orjson.dumps(values, default=plain, option=orjson.OPT_SORT_KEYS)
    return blake2b(text_form, digest_size=16).hexdigest()


def check_time(occurred_at: datetime, late_window_days: int, at: datetime) -> None:
    """Refuses what lies ahead or too far back. Raises Invalid naming /occurred_at."""
    if occurred_at > at + AHEAD:
        raise Invalid.field("/occurred_at", "in_the_future", "More than 10 minutes ahead of now.")
    if occurred_at < at - timedelta(days=late_window_days):
        raise Invalid.field(
            "/occurred_at", "too_old", f"Older than the late window of {late_window_days} days."
        )


def to_row(program_id: int, earn: Earn, request_id: str | None, at: datetime) -> dict[str, Any]:
    """The row of `activity` that `earn` becomes, with a new id."""
    kind, value = earn.identifier or (None, None)
    return {
        "program_id": program_id,
        "id": uuid7(),
        "kind": earn.kind,
        "source": earn.source,
        "transaction_id": earn.transaction_id,
        "member_id": earn.member_id,
        "identifier_kind": kind,
        "identifier_value": value,
        "amount": earn.amount,
        "currency": earn.currency,
        "retailer": earn.retailer,
        "occurred_at": earn.occurred_at,
        "recorded_at": at,
        "input_hash": input_hash(earn),
        "request_id": request_id,
        "body": earn.body,
    }


def _key(numbered: tuple[int, Mapping[str, Any]]) -> tuple[int, str, str]:
    row = numbered[1]
    return row["program_id"], row["source"], row["transaction_id"]


_ACCEPT = (
    "SELECT idx, id, same FROM accept_activities(%(tenant)s, CAST(%(rows)s AS json), %(sent)s)"
)


def asked(tenant_id: int, rows: Sequence[dict[str, Any]]) -> tuple[str, dict[str, object]]:
    """The one statement that stores `rows`, and its values, as the driver takes them.

    Rows go in sorted by key, so that servers that send the same purchases cannot deadlock.
    """
    numbered = sorted(enumerate(rows), key=_key)
    payload = [{"idx": number, **row} for number, row in numbered]
    told = orjson.dumps(payload, default=plain).decode()
    return _ACCEPT, {"tenant": tenant_id, "rows": told, "sent": len(rows)}


def answered(rows: Sequence[Mapping[str, Any]], there: Iterable[Sequence[Any]]) -> list[Accepted]:
    """What became of each row: the statement tells which were `there` already."""
    stored = [Accepted(row["id"], fresh=True, same=True) for row in rows]
    for number, id_, same in there:
        stored[number] = Accepted(id_, fresh=False, same=same)
    return stored


def accept(session: Session, rows: Sequence[dict[str, Any]]) -> list[Accepted]:
    """Stores what is new and compares what was there; the answers stand in the order of `rows`."""
    statement, values = asked(session.info["tenant_id"], rows)
    return answered(rows, session.connection().exec_driver_sql(statement, values))
