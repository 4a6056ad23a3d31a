"""Reads of redemptions, and the one way to lock one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound, Unavailable
from loyalty.ledger.account import Account
from loyalty.ledger.heirs import lock_with_heir
from loyalty.ledger.rules import Draw, Lot
from loyalty.redemption.models import RedemptionRow

_MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose redemption it is: a membership, and who that is to the tenant."""

    member_id: str
    status: str
    joined_at: datetime


_OWNER = text(
    "SELECT m.member_id, ms.status, ms.joined_at FROM membership ms"
    " JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id"
    " WHERE ms.tenant_id = :tenant AND ms.account_id = :account"
)
# What its entries took from the lots less what they gave back, in burn order.
_DRAWS = text(
    "SELECT l.id, l.remaining, l.expires_at, l.activates_at, l.active, d.points FROM ("
    "  SELECT lot_id, sum(CASE WHEN entry_version = :taken THEN points ELSE -points END) AS points"
    "  FROM lot_draw WHERE tenant_id = :tenant AND account_id = :account"
    "   AND (entry_version = :taken OR entry_version IN ("
    "    SELECT entry_version FROM redemption_step WHERE tenant_id = :tenant"
    "     AND redemption_id = :redemption AND kind <> 'capture'))"
    "  GROUP BY lot_id) d"
    " JOIN lot l ON l.tenant_id = :tenant AND l.account_id = :account AND l.id = d.lot_id"
    " WHERE d.points > 0 ORDER BY l.expires_at, l.id"
)
_HELD = text(
    "SELECT id FROM redemption WHERE tenant_id = :tenant AND account_id = ANY(:accounts)"
    " AND status = 'held' AND (CAST(:due_by AS timestamptz) IS NULL OR hold_expires_at <= :due_by)"
    " ORDER BY reward_id NULLS FIRST, id"
)


def lock_redemption(
    session: Session, redemption_id: UUID
) -> tuple[RedemptionRow, Account, Account | None]:
    """Locks the redemption's account, and its heir if it was merged; reads it under those locks.

    Who changes a redemption holds its account's lock. Raises NotFound.
    """
    seen = _account_of(session, redemption_id)
    for _ in range(_MOST_TRIES):
        account, heir = lock_with_heir(session, seen)
        row = redemption_of(session, redemption_id)
        if row.account_id == account.id:
            return row, account, heir
        seen = row.account_id  # a hold went along with a merge meanwhile
    raise Unavailable("The redemption keeps changing its account.")


def _account_of(session: Session, redemption_id: UUID) -> int:
    account_id = session.scalar(
        select(RedemptionRow.account_id).where(
            RedemptionRow.tenant_id == session.info["tenant_id"],
            RedemptionRow.id == redemption_id,
        )
    )
    if account_id is None:
        raise NotFound(f"There is no redemption {redemption_id}.")
    return account_id


def redemption_of(session: Session, redemption_id: UUID) -> RedemptionRow:
    """A redemption that is known to exist, as it is now; its account is locked."""
    return session.scalars(
        select(RedemptionRow)
        .where(
            RedemptionRow.tenant_id == session.info["tenant_id"],
            RedemptionRow.id == redemption_id,
        )
        .execution_options(populate_existing=True)
    ).one()


def held_by(
    session: Session, account_ids: Iterable[int], *, due_by: datetime | None
) -> Sequence[UUID]:
    """The holds of locked accounts, in the order in which their stock is locked.

    With `due_by` those whose time is over.
    """
    return session.scalars(
        _HELD,
        {"tenant": session.info["tenant_id"], "accounts": sorted(account_ids), "due_by": due_by},
    ).all()


def owner_of(session: Session, account_id: int) -> Owner:
    """Whose account it is."""
    row = session.execute(
        _OWNER, {"tenant": session.info["tenant_id"], "account": account_id}
    ).one()
    return Owner(row.member_id, row.status, row.joined_at)


def draws_of(session: Session, row: RedemptionRow) -> list[tuple[Lot, Draw]]:
    """The lots that pay for a redemption and how much each, in burn order; what it has given
    back is not among it."""
    found = session.execute(
        _DRAWS,
        {
            "tenant": session.info["tenant_id"],
            "account": row.account_id,
            "taken": row.entry_version,
            "redemption": row.id,
        },
    )
    return [
        (
            Lot(one.id, one.remaining, one.expires_at, one.activates_at, one.active),
            Draw(one.id, int(one.points)),
        )
        for one in found
    ]
