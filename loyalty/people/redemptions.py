"""What a member has spent, or set aside."""

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
from loyalty.ledger.rules import Balance
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.redemption.rules import State, status_at
from loyalty.rewards.vouchers import Voucher


@dataclass(frozen=True, slots=True)
class Spent:
    """A redemption as it is now: `points`, worth `amount` in `currency`.

    A hold whose time is over is told as lapsed, also before beat has written it. A code is told
    once it is the member's.
    """

    id: UUID
    program: str
    member_id: str
    status: str
    points: int
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime
    hold_expires_at: datetime | None
    reward: str | None
    money: Decimal | None
    voucher: Voucher | None
    fulfilment: str | None
    tracking: str | None
    released: int
    cancelled: int


_SPENT = """
    SELECT r.id, p.slug AS program, m.member_id, r.status, r.points, r.amount, r.currency,
           r.occurred_at, r.hold_expires_at, w.key AS reward, r.money, r.fulfilment, r.tracking,
           r.released, r.cancelled, v.code, v.expires_at, a.pending, a.available, a.held, a.owed
    FROM redemption r
    JOIN program p ON p.tenant_id = r.tenant_id AND p.id = r.program_id
    JOIN account a ON a.tenant_id = r.tenant_id AND a.id = r.account_id
    JOIN membership ms ON ms.tenant_id = r.tenant_id AND ms.account_id = r.account_id
    JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
    LEFT JOIN reward w ON w.tenant_id = r.tenant_id AND w.id = r.reward_id
    LEFT JOIN voucher v ON v.tenant_id = r.tenant_id AND v.redemption_id = r.id
                       AND v.given_at IS NOT NULL
    WHERE r.tenant_id = :tenant
"""
_ONE = text(f"{_SPENT} AND r.id = :id")
_PAGE = text(
    f"{_SPENT} AND r.account_id = ANY(ARRAY(SELECT own_accounts(:tenant, :account)))"
    " AND (CAST(:before AS uuid) IS NULL OR r.id < :before)"
    " ORDER BY r.id DESC LIMIT :limit"
)


def _spent(row: Row[Any], at: datetime) -> Spent:
    state = State(row.status, row.points, hold_expires_at=row.hold_expires_at)
    return Spent(
        row.id,
        row.program,
        row.member_id,
        status_at(state, at),
        row.points,
        row.amount,
        row.currency,
        row.occurred_at,
        row.hold_expires_at,
        row.reward,
        row.money,
        None if row.code is None else Voucher(row.code, row.expires_at),
        row.fulfilment,
        row.tracking,
        row.released,
        row.cancelled,
    )


def redemption(session: Session, redemption_id: UUID, at: datetime) -> tuple[Spent, Balance]:
    """The redemption and whose it is, and the balance of that account. Raises NotFound."""
    row = session.execute(
        _ONE, {"tenant": session.info["tenant_id"], "id": redemption_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no redemption {redemption_id}.")
    return _spent(row, at), Balance(row.pending, row.available, row.held, row.owed)


def redemptions(
    session: Session,
    program: Program,
    member_id: str,
    at: datetime,
    *,
    before: UUID | None,
    limit: int,
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
    return [_spent(row, at) for row in rows]
