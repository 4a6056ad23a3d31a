"""What became of the lots that an award made: what is left of them, and what ended unspent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.lots import COLUMNS, lot_of
from loyalty.ledger.rules import Lot


@dataclass(frozen=True, slots=True)
class Made:
    """The lots of one award. `ended` points of them expired, were forfeited, or were reversed by
    something else than `causes`."""

    lots: tuple[Lot, ...] = ()
    ended: int = 0


_LOTS = text(
    f"SELECT {COLUMNS} FROM lot"  # noqa: S608 - a constant
    " WHERE tenant_id = :tenant AND account_id = :standing_on AND id = ANY(ARRAY("
    "  SELECT lot_id FROM lots_followed(:tenant, :account, :first, :last)"
    "  WHERE account_id = :standing_on)) ORDER BY id"
)
_ENDED = text(
    "SELECT coalesce(sum(d.points), 0) FROM lots_followed(:tenant, :account, :first, :last) l"
    " JOIN lot_draw d ON d.tenant_id = :tenant AND d.account_id = l.account_id"
    "   AND d.lot_id = l.lot_id"
    " JOIN entry e ON e.tenant_id = d.tenant_id AND e.account_id = d.account_id"
    "   AND e.version = d.entry_version"
    " WHERE (e.kind IN ('expire', 'forfeit')"
    "   OR (e.kind = 'reverse' AND e.cause_id <> ALL(CAST(:causes AS uuid[]))))"
)


def lots_made(
    session: Session, account_id: int, entries: range, causes: Iterable[UUID], *, standing_on: int
) -> Made:
    """The lots that `entries` (versions of an account) made, as they stand on a locked account:
    the same, or the heir of one that was merged."""
    values = {
        "tenant": session.info["tenant_id"],
        "account": account_id,
        "standing_on": standing_on,
        "first": entries[0],
        "last": entries[-1],
    }
    lots = tuple(lot_of(row) for row in session.execute(_LOTS, values))
    ended = session.execute(_ENDED, {**values, "causes": [str(one) for one in causes]}).scalar_one()
    return Made(lots, int(ended))
