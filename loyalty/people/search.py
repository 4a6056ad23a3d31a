"""Search: the members of a program, by what they have and who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.rules import Balance
from loyalty.people.answer import tier_named, tiers_of
from loyalty.programs.queries import Program
from loyalty.tiers.rules import Tier


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search asks for; None asks for nothing. `points_gte` is of available points.

    `q` is the beginning of a member id, also of one who was merged, a part of a name, or a whole
    identifier.
    """

    points_gte: int | None = None
    owed_gte: int | None = None
    tier: str | None = None
    status: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A member that a search has found; `id` is where the next page goes on."""

    id: int
    member_id: str
    name: str | None
    status: str
    tier: Tier
    points: Balance
    joined_at: datetime


_FOUND = """
    SELECT ms.id, m.member_id, m.name, ms.status, ms.tier_key, ms.joined_at,
           a.pending, a.available, a.held, a.owed, a.tier_points
    FROM membership ms
    JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
    JOIN account a ON a.tenant_id = ms.tenant_id AND a.id = ms.account_id
    WHERE ms.tenant_id = :tenant AND ms.program_id = :program AND ms.id < :before
      AND ms.status <> 'merged'
"""
_CLAUSES = {
    "points_gte": "a.available >= :points_gte",
    "tier": "ms.tier_key = :tier",
    "status": "ms.status = :status",
    "q": """(m.member_id LIKE :beginning OR m.name ILIKE :part OR EXISTS (
              SELECT FROM identifier i
              WHERE i.tenant_id = m.tenant_id AND i.member_id = m.id AND i.value = :q)
            OR EXISTS (SELECT FROM member o WHERE o.tenant_id = m.tenant_id
                       AND o.merged_into = m.id AND o.member_id LIKE :beginning))""",
    "owed_gte": "a.owed >= :owed_gte",
}
_AFTER_THE_LAST = 2**63 - 1


def search(
    session: Session, program: Program, filters: Filters, *, before: int | None, limit: int
) -> Sequence[Found]:
    """The members that meet every filter, newest first, from before the id `before`."""
    asked = {name: value for name in _CLAUSES if (value := getattr(filters, name)) is not None}
    query = _FOUND + "".join(f" AND {_CLAUSES[name]}" for name in asked)
    if filters.q is not None:
        literal = filters.q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        asked |= {"beginning": f"{literal}%", "part": f"%{literal}%"}
    rows = session.execute(
        text(f"{query} ORDER BY ms.id DESC LIMIT :limit"),
        {
            "tenant": session.info["tenant_id"],
            "program": program.id,
            "before": _AFTER_THE_LAST if before is None else before,
            "limit": limit,
            **asked,
        },
    )
    tiers = tiers_of(program)
    return [
        Found(
            row.id,
            row.member_id,
            row.name,
            row.status,
            tier_named(tiers, row.tier_key, row.tier_points),
            Balance(row.pending, row.available, row.held, row.owed),
            row.joined_at,
        )
        for row in rows
    ]
