"""Holds whose time is over end by themselves: their points are free again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.redemption.release import lapse_due

_TENANTS = text(
    """
    SELECT t.id FROM tenant t WHERE EXISTS (
      SELECT FROM redemption r
      WHERE r.tenant_id = t.id AND r.status = 'held' AND r.hold_expires_at <= :at + t.clock_offset)
    ORDER BY t.id
    """
)
# What somebody else has in hand is passed over: they do what is due themselves.
_DUE = text(
    """
    SELECT a.id FROM account a WHERE a.tenant_id = :tenant AND a.id = ANY (ARRAY(
      SELECT r.account_id FROM redemption r
      WHERE r.tenant_id = :tenant AND r.status = 'held' AND r.hold_expires_at <= :at
        AND r.account_id <> ALL (CAST(:but AS bigint[]))
      ORDER BY r.hold_expires_at LIMIT :most))
    ORDER BY a.id FOR UPDATE SKIP LOCKED
    """
)


def tenants_with_holds_due(session: Session, at: datetime) -> Sequence[int]:
    """The tenants of whom a hold's time is over by their own clock; `at` is the world's.

    The session is of the system role.
    """
    return session.scalars(_TENANTS, {"at": at}).all()


def accounts_due(
    session: Session, at: datetime, *, most: int, but: Collection[int] = ()
) -> Sequence[int]:
    """Locks the accounts of up to `most` holds that have been due the longest; `but` these."""
    values = {"tenant": session.info["tenant_id"], "at": at, "most": most, "but": sorted(but)}
    return session.scalars(_DUE, values).all()


def lapse_some(session: Session, at: datetime, *, most: int, but: Collection[int] = ()) -> int:
    """Ends the holds of the accounts that are due; returns how many."""
    due = accounts_due(session, at, most=most, but=but)
    return lapse_due(session, due, at) if due else 0
