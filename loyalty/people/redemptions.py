"""What a member has spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program


@dataclass(frozen=True, slots=True)
class Spent:
    """A redemption as it is now: `points`, worth `amount` in `currency`."""

    id: UUID
    program: str
    member_id: str
    status: str
    points: int
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime


_SPENT = """
    SELECT r.id, p.slug AS program, m.member_id, r.status, r.points, r.amount, r.currency,
           r.occurred_at
    FROM redemption r
    JOIN program p ON p.tenant_id = r.tenant_id AND p.id = r.program_id
    JOIN membership ms ON ms.tenant_id = r.tenant_id AND ms.account_id = r.account_id
    JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
    WHERE r.tenant_id = :tenant
"""
_ONE = text(f"{_SPENT} AND r.id = :id")
_PAGE = text(
    f"{_SPENT} AND r.account_id = :account AND (CAST(:before AS uuid) IS NULL OR r.id < :before)"
    " ORDER BY r.id DESC LIMIT :limit"
)


def _spent(row: Row[Any]) -> Spent:
    return Spent(
        row.id,
        row.program,
        row.member_id,
        row.status,
        row.points,
        row.amount,
        row.currency,
        row.occurred_at,
    )


def redemption(session: Session, redemption_id: UUID) -> Spent:
    """The redemption and whose it is. Raises NotFound."""
    row = session.execute(
        _ONE, {"tenant": session.info["tenant_id"], "id": redemption_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no redemption {redemption_id}.")
    return _spent(row)


def redemptions(
    session: Session, program: Program, member_id: str, *, before: UUID | None, limit: int
) -> Sequence[Spent]:
    """The member's redemptions, newest first, from before the id `before`. Raises NotEnrolled."""
    membership = membership_of(session, program.id, member_id)
    rows = session.execute(
        _PAGE,
        {
            "tenant": session.info["tenant_id"],
            "account": membership.account_id,
            "before": before,
            "limit": limit,
        },
    )
    return [_spent(row) for row in rows]
