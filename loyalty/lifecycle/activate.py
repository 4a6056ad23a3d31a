"""Points that wait are released: somebody says that they can be spent from now on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict
from loyalty.ledger.due import settle_due
from loyalty.ledger.heirs import lock_with_heir
from loyalty.ledger.lots import COLUMNS, lot_of
from loyalty.ledger.post import post
from loyalty.ledger.rules import Lot
from loyalty.ledger.validity import expires_at


class NothingPending(Conflict):
    """409: no points of this purchase wait to be released."""

    code = "nothing_pending"
    title = "No points of this purchase are pending"
    cure = "Read the purchase: its points can be spent already, were taken back, or never waited."


_AWARD = text(
    "SELECT w.account_id, w.account_version, w.entries, p.time_zone FROM award w"
    " JOIN program p ON p.tenant_id = w.tenant_id AND p.id = w.program_id"
    " WHERE w.tenant_id = :tenant AND w.activity_id = :activity"
)
_PENDING = text(
    f"SELECT {COLUMNS} FROM lot"  # noqa: S608 - a constant
    " WHERE tenant_id = :tenant AND account_id = :account AND open AND NOT active"
    " AND id = ANY(ARRAY(SELECT lot_id FROM lots_followed("
    "  :tenant, :earned_on, CAST(:version AS bigint) + 1, CAST(:version AS bigint) + :entries)"
    "  WHERE account_id = :account)) ORDER BY id"
)


def activate_earn(session: Session, activity_id: UUID, *, by: By) -> int:
    """Releases what the purchase earned and still waits; returns how many points.

    They live from now on: what waited for a release expires as its award said, what had a date to
    become available keeps the expiry that was planned. Raises NothingPending.
    """
    tenant = session.info["tenant_id"]
    award = session.execute(_AWARD, {"tenant": tenant, "activity": activity_id}).one_or_none()
    if award is None:
        raise NothingPending
    own, heir = lock_with_heir(session, award.account_id)
    account = heir or own
    settle_due(session, [account], by.at)
    rows = session.execute(
        _PENDING,
        {
            "tenant": tenant,
            "account": account.id,
            "earned_on": award.account_id,
            "version": award.account_version,
            "entries": award.entries,
        },
    )
    lots = [lot_of(row) for row in rows]
    if not lots:
        raise NothingPending
    for lot in lots:
        until = _expiry(lot, by.at, award.time_zone)
        account.activate(lot, cause_id=activity_id, at=by.at, expires_at=until)
    post(session, [account], by.at)
    points = sum(lot.remaining for lot in lots)
    record(
        session,
        by,
        act="earn.activate",
        subject=f"earn {activity_id}",
        after={"points": points},
    )
    return points


def _expiry(lot: Lot, at: datetime, zone: str) -> datetime | None:
    return expires_at(lot.once_released, at, zone) if lot.once_released else lot.expires_at
