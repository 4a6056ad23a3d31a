"""Reads of returns: what became of one, and lists of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound

_TOLD = text(
    """
    SELECT g.id, g.source, g.transaction_id, g.return_id, g.lines, g.amount, g.occurred_at,
           g.recorded_at, p.slug AS program, p.unit, a.id AS earn_id, a.currency,
           coalesce(a.member_id, m.member_id) AS whose, coalesce(v.status, u.status) AS status,
           coalesce(v.reason, u.reason) AS reason, coalesce(v.detail, u.detail) AS detail,
           v.account_id, v.account_version, v.entries, v.points, v.worth, v.whole, v.settled_at,
           v.explanation, (
             SELECT json_object_agg(o.id, o.name) FROM promotion o
             WHERE o.tenant_id = g.tenant_id AND o.id IN (
               SELECT (gave->>'promotion')::int
               FROM jsonb_array_elements(v.explanation->'given_back') AS one(gave))
           ) AS promotions
    FROM give_back g
    JOIN program p ON p.tenant_id = g.tenant_id AND p.id = g.program_id
    LEFT JOIN give_back_verdict v ON v.tenant_id = g.tenant_id AND v.give_back_id = g.id
    LEFT JOIN unsettled_give_back u ON u.tenant_id = g.tenant_id AND u.give_back_id = g.id
    LEFT JOIN activity a ON a.tenant_id = g.tenant_id AND a.program_id = g.program_id
                        AND a.source = g.source AND a.transaction_id = g.transaction_id
    LEFT JOIN identifier i ON i.tenant_id = a.tenant_id AND i.kind = a.identifier_kind
                          AND i.value = a.identifier_value
    LEFT JOIN member m ON m.tenant_id = a.tenant_id AND m.id = i.member_id
    WHERE g.tenant_id = :tenant AND g.id = ANY(CAST(:ids AS uuid[])) ORDER BY g.id DESC
    """
)


@dataclass(frozen=True, slots=True)
class Told:
    """A return and what became of it.

    `status`: accepted, waiting (for its purchase), settled, refused or failed. `points` were given
    back, `amount_back` is the money they stand for; `entry_versions` are those of its entries,
    `promotions` the names of those that gave, by their ids in the explanation.
    """

    id: UUID
    program: str
    unit: str
    source: str
    transaction_id: str
    return_id: str
    earn_id: UUID | None
    whose: str | None
    lines: Sequence[tuple[str, str]] | None
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime
    recorded_at: datetime
    status: str
    reason: str | None
    detail: str | None
    settled_at: datetime | None
    points: int | None
    amount_back: Decimal | None
    whole: bool
    account_id: int | None
    entry_versions: range
    explanation: Mapping[str, Any] | None
    promotions: Mapping[str, str]

    @property
    def settled(self) -> bool:
        """Whether it has its verdict."""
        return self.settled_at is not None


def _told(row: Row[Any]) -> Told:
    first = (row.account_version or 0) + 1
    return Told(
        row.id,
        row.program,
        row.unit,
        row.source,
        row.transaction_id,
        row.return_id,
        row.earn_id,
        row.whose,
        row.lines,
        row.amount,
        row.currency,
        row.occurred_at,
        row.recorded_at,
        row.status,
        row.reason,
        row.detail,
        row.settled_at,
        row.points,
        row.worth,
        bool(row.whole),
        row.account_id,
        range(first, first + (row.entries or 0)),
        row.explanation,
        row.promotions or {},
    )


def tell(session: Session, ids: Iterable[UUID]) -> list[Told]:
    """The returns among `ids`, newest first."""
    rows = session.execute(
        _TOLD, {"tenant": session.info["tenant_id"], "ids": [str(one) for one in ids]}
    )
    return [_told(row) for row in rows]


def tell_one(session: Session, give_back_id: UUID) -> Told:
    """One return. Raises NotFound."""
    for told in tell(session, [give_back_id]):
        return told
    raise NotFound(f"There is no return {give_back_id}.")


_OF_PROGRAM = "SELECT id FROM give_back WHERE tenant_id = :tenant AND program_id = :program"
_OF_SOURCE = f"{_OF_PROGRAM} AND source = :source"
_OF_SOURCES = f"{_OF_PROGRAM} AND source = ANY(:sources)"
_OF_PURCHASE = f"{_OF_SOURCE} AND transaction_id = :transaction"
_WITH_STATUS = (
    "SELECT give_back_id AS id FROM give_back_verdict"
    " WHERE tenant_id = :tenant AND program_id = :program AND status = :status"
    " UNION ALL SELECT give_back_id FROM unsettled_give_back"
    " WHERE tenant_id = :tenant AND program_id = :program AND status = :status"
)
_PAGE = "SELECT id FROM ({both}) c WHERE id < :before ORDER BY id DESC LIMIT :limit"
_LAST_ID = UUID(int=2**128 - 1)


def find(
    session: Session,
    program_id: int,
    *,
    source: str | None = None,
    transaction_id: str | None = None,
    status: str | None = None,
    sources: Collection[str] | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Told]:
    """A page of a program's returns, newest first; every filter given must hold.

    A `transaction_id` is unique within its `source`: it comes with one. `sources` are those that
    the asker may see; None is any.
    """
    parts = [_OF_PROGRAM if sources is None else _OF_SOURCES]
    if source is not None:
        parts.append(_OF_SOURCE if transaction_id is None else _OF_PURCHASE)
    if status is not None:
        parts.append(_WITH_STATUS)
    both = " INTERSECT ".join(f"({part})" for part in parts)
    rows = session.execute(
        text(_PAGE.format(both=both)),
        {
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "status": status,
            "source": source,
            "sources": None if sources is None else sorted(sources),
            "transaction": transaction_id,
            "before": before or _LAST_ID,
            "limit": limit,
        },
    )
    return tell(session, rows.scalars().all())
