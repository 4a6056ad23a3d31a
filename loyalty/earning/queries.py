"""Reads of earning: what became of a purchase, and lists of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound

_STATUS = """
    CASE WHEN w.activity_id IS NULL THEN coalesce(s.status, 'accepted')
         WHEN r.whole THEN 'returned' WHEN r.whole IS NOT NULL THEN 'partly_returned'
         ELSE 'awarded' END
"""
_RETURNED = """
    LEFT JOIN LATERAL (
      SELECT bool_or(v.whole) AS whole, sum(v.points)::bigint AS points FROM give_back_verdict v
      WHERE v.tenant_id = a.tenant_id AND v.activity_id = a.id AND v.status = 'settled'
    ) r ON w.activity_id IS NOT NULL
"""
_STATUSES = text(
    f"""
    SELECT a.id, {_STATUS} AS status FROM activity a
    LEFT JOIN award w ON w.tenant_id = a.tenant_id AND w.activity_id = a.id
    LEFT JOIN setback s ON s.tenant_id = a.tenant_id AND s.activity_id = a.id
    {_RETURNED}
    WHERE a.tenant_id = :tenant AND a.id = ANY(CAST(:ids AS uuid[]))
    """  # noqa: S608 - a constant
)
_TOLD = text(
    f"""
    SELECT a.*, p.slug AS program, p.unit, {_STATUS} AS status,
           w.points, w.explanation, w.awarded_at, w.account_id, w.account_version, w.entries,
           s.reason, s.detail, s.at AS set_back_at, s.until, coalesce(r.points, 0) AS returned,
           (SELECT coalesce(sum(c.difference), 0)::bigint FROM correction c
            WHERE c.tenant_id = a.tenant_id AND c.activity_id = a.id) AS corrected,
           coalesce(a.member_id, m.member_id) AS whose
    FROM activity a
    JOIN program p ON p.tenant_id = a.tenant_id AND p.id = a.program_id
    LEFT JOIN award w ON w.tenant_id = a.tenant_id AND w.activity_id = a.id
    LEFT JOIN setback s ON s.tenant_id = a.tenant_id AND s.activity_id = a.id
    LEFT JOIN identifier i ON i.tenant_id = a.tenant_id AND i.kind = a.identifier_kind
                          AND i.value = a.identifier_value
    LEFT JOIN member m ON m.tenant_id = a.tenant_id AND m.id = i.member_id
    {_RETURNED}
    WHERE a.tenant_id = :tenant AND a.id = ANY(CAST(:ids AS uuid[])) ORDER BY a.id DESC
    """  # noqa: S608 - a constant
)


@dataclass(frozen=True, slots=True)
class Told:
    """A purchase and what became of it.

    `status`: accepted, awarded, partly_returned, returned, parked, rejected, failed. `returned`:
    how many of its points were given back; `corrected`: how many more (or fewer) it earned when it
    was worked out again.
    """

    id: UUID
    program: str
    unit: str
    source: str
    transaction_id: str
    whose: str | None
    kind: str
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime
    recorded_at: datetime
    body: dict[str, Any] | None
    status: str
    points: int | None
    awarded_at: datetime | None
    account_id: int | None
    entry_versions: Sequence[int]
    explanation: dict[str, Any] | None
    reason: str | None
    detail: str | None
    until: datetime | None
    returned: int = 0
    corrected: int = 0
    retailer: str | None = None

    @property
    def settled(self) -> bool:
        """Whether it has been judged."""
        return self.status != "accepted"


def _told(row: Row[Any]) -> Told:
    first = (row.account_version or 0) + 1
    return Told(
        row.id,
        row.program,
        row.unit,
        row.source,
        row.transaction_id,
        row.whose,
        row.kind,
        row.amount,
        row.currency,
        row.occurred_at,
        row.recorded_at,
        row.body,
        row.status,
        row.points,
        row.awarded_at,
        row.account_id,
        range(first, first + (row.entries or 0)),
        row.explanation,
        row.reason,
        row.detail,
        row.until,
        row.returned,
        row.corrected,
        row.retailer,
    )


def statuses(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    """What became of each activity: a status as in Told."""
    rows = session.execute(
        _STATUSES, {"tenant": session.info["tenant_id"], "ids": [str(one) for one in ids]}
    )
    return {row.id: row.status for row in rows}


def tell(session: Session, ids: Iterable[UUID]) -> list[Told]:
    """The purchases among `ids`, newest first."""
    rows = session.execute(
        _TOLD, {"tenant": session.info["tenant_id"], "ids": [str(one) for one in ids]}
    )
    return [_told(row) for row in rows]


def tell_one(session: Session, activity_id: UUID) -> Told:
    """One purchase. Raises NotFound."""
    for told in tell(session, [activity_id]):
        return told
    raise NotFound(f"There is no purchase {activity_id}.")


# Each filter has its own index; a member's purchases stand where their verdicts stand.
_OF_MEMBER = """
    SELECT w.activity_id AS id FROM award w
    JOIN membership ms ON ms.tenant_id = w.tenant_id AND ms.account_id = w.account_id
    JOIN known_as(:tenant, :member) m ON m.id = ms.member_id
    WHERE w.tenant_id = :tenant AND ms.program_id = :program
    UNION ALL
    SELECT activity_id FROM setback
    WHERE tenant_id = :tenant AND program_id = :program
      AND member_id = ANY(ARRAY(SELECT k.member_id FROM known_as(:tenant, :member) k))
    UNION ALL
    SELECT u.activity_id FROM unsettled u JOIN activity a ON a.tenant_id = u.tenant_id
      AND a.id = u.activity_id
    WHERE u.tenant_id = :tenant AND u.program_id = :program
      AND a.member_id = ANY(ARRAY(SELECT k.member_id FROM known_as(:tenant, :member) k))
"""
_AWARDED = "SELECT activity_id AS id FROM award WHERE tenant_id = :tenant AND program_id = :program"
_COME_BACK = (
    "SELECT activity_id AS id FROM give_back_verdict"
    " WHERE tenant_id = :tenant AND program_id = :program AND status = 'settled'"
)
_CANDIDATES = {
    None: "SELECT id FROM activity WHERE tenant_id = :tenant AND program_id = :program",
    "awarded": f"{_AWARDED} EXCEPT {_COME_BACK}",
    "partly_returned": f"{_AWARDED} INTERSECT {_COME_BACK} EXCEPT {_COME_BACK} AND whole",
    "returned": f"{_AWARDED} INTERSECT {_COME_BACK} AND whole",
    "accepted": "SELECT activity_id AS id FROM unsettled"
    " WHERE tenant_id = :tenant AND program_id = :program",
}
_SET_BACK = (
    "SELECT activity_id AS id FROM setback"
    " WHERE tenant_id = :tenant AND program_id = :program AND status = :status"
)
_OF_SOURCE = (
    "SELECT id FROM activity WHERE tenant_id = :tenant AND program_id = :program"
    " AND source = :source"
)
_OF_SOURCES = (
    "SELECT id FROM activity WHERE tenant_id = :tenant AND program_id = :program"
    " AND source = ANY(:sources)"
)
_BY_KEY = (
    "SELECT id FROM activity WHERE tenant_id = :tenant AND program_id = :program"
    " AND source = :source AND transaction_id = :transaction"
)
_PAGE = "SELECT id FROM ({both}) c WHERE id < :before ORDER BY id DESC LIMIT :limit"
_LAST_ID = UUID(int=2**128 - 1)


def find(
    session: Session,
    program_id: int,
    *,
    source: str | None = None,
    sources: Collection[str] | None = None,
    transaction_id: str | None = None,
    status: str | None = None,
    member_id: str | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Told]:
    """A page of a program's purchases, newest first; every filter given must hold.

    A `transaction_id` is unique within its `source`: it comes with one. `sources` are those that
    the asker may see; None is any.
    """
    parts = []
    if source is not None:
        parts.append(_OF_SOURCE if transaction_id is None else _BY_KEY)
    if sources is not None:
        parts.append(_OF_SOURCES)
    if member_id is not None:
        parts.append(_OF_MEMBER)
    if status is not None or not parts:
        parts.append(_CANDIDATES.get(status, _SET_BACK))
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
            "member": member_id,
            "before": before or _LAST_ID,
            "limit": limit,
        },
    )
    return tell(session, rows.scalars().all())


# What waits for a paused program is no backlog; the read stays short however much of it there is.
_OLDEST_OPEN = text(
    "SELECT accepted_at FROM (SELECT program_id, accepted_at FROM unsettled"
    "   WHERE tenant_id = :tenant ORDER BY activity_id LIMIT 5000) u"
    " WHERE program_id NOT IN"
    "   (SELECT id FROM program WHERE tenant_id = :tenant AND paused_at IS NOT NULL) LIMIT 1"
)


def oldest_open(session: Session, at: datetime) -> timedelta:
    """How long the tenant's oldest open purchase has waited, paused programs left out."""
    oldest = session.execute(
        _OLDEST_OPEN, {"tenant": session.info["tenant_id"]}
    ).scalar_one_or_none()
    return at - oldest if oldest else timedelta(0)


def still_open(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of `ids`, purchases and returns, that are not judged yet."""
    rows = session.execute(
        text(
            "SELECT activity_id FROM unsettled"
            " WHERE tenant_id = :tenant AND activity_id = ANY(CAST(:ids AS uuid[]))"
            " UNION ALL SELECT give_back_id FROM unsettled_give_back"
            " WHERE tenant_id = :tenant AND give_back_id = ANY(CAST(:ids AS uuid[]))"
            "   AND status = 'accepted'"
        ),
        {"tenant": session.info["tenant_id"], "ids": [str(one) for one in ids]},
    )
    return set(rows.scalars())
