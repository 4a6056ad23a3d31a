"""What time does to points, tidied up: lots that are due activate and expire, batch by batch.

Nobody waits for it: every verb settles what is due of the accounts it locks, and every read
counts it. A batch is one transaction; what another one has in hand is passed over, so that any
number of workers do this at once, and a killed one leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

# The first lot of each tenant that will be due says enough: one look into the index.
_TENANTS = text(
    """
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
      SELECT l.due_at FROM lot l WHERE l.tenant_id = t.id AND l.open AND l.due_at IS NOT NULL
      ORDER BY l.due_at LIMIT 1
    ) first
    WHERE first.due_at <= :at + t.clock_offset ORDER BY t.id
    """
)
_MOVE = text(
    "SELECT * FROM settle_due_lots(:tenant, CAST(:at AS timestamptz),"
    " CAST(:due AS timestamptz), :account, :lot, :most)"
)
_FIRST = text(
    "SELECT due_at, account_id, id FROM lot WHERE tenant_id = :tenant AND open AND due_at <= :at"
    " AND (due_at, account_id, id) > (CAST(:due AS timestamptz), :account, :lot)"
    " ORDER BY due_at, account_id, id LIMIT 1"
)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch ended in the order of what is due: the next one goes on after it."""

    due_at: datetime = _EVER
    account_id: int = 0
    lot_id: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """How many lots a batch moved; `ended` None: nothing (more) was due that is not in hand."""

    activated: int
    expired: int
    ended: Place | None


def tenants_with_due(session: Session, at: datetime) -> Sequence[int]:
    """The tenants of whom something is due by their own clock; `at` is the world's.

    The session is of the system role.
    """
    return session.execute(_TENANTS, {"at": at}).scalars().all()


def move_due(session: Session, after: Place, at: datetime, *, most: int) -> Moved:
    """Activates and expires the `most` lots that have been due the longest, after `after`."""
    row = session.execute(_MOVE, {**_named(session, after, at), "most": most}).one()
    ended = None
    if row.last_due is not None:
        ended = Place(row.last_due, row.last_account, row.last_lot)
    return Moved(row.activated, row.expired, ended)


def first_due(session: Session, after: Place, at: datetime) -> Place | None:
    """The place of the lot that has been due the longest, after `after`, whoever has it in hand."""
    row = session.execute(_FIRST, _named(session, after, at)).one_or_none()
    return None if row is None else Place(row.due_at, row.account_id, row.id)


def _named(session: Session, after: Place, at: datetime) -> dict[str, object]:
    return {
        "tenant": session.info["tenant_id"],
        "at": at,
        "due": after.due_at,
        "account": after.account_id,
        "lot": after.lot_id,
    }
