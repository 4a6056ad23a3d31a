"""What was written of an account: its movements, with the lots they drew from or made."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.movements import Movement
from loyalty.ledger.rules import Bucket, Draw

_ENTRIES = text(
    "SELECT e.version, e.from_bucket, e.to_bucket, e.points, l.id IS NOT NULL AS made"
    " FROM entry e LEFT JOIN lot l ON l.tenant_id = e.tenant_id AND l.account_id = e.account_id"
    "   AND l.id = e.version"
    " WHERE e.tenant_id = :tenant AND e.account_id = :account AND e.version > :since"
    " ORDER BY e.version"
)
_DRAWS = text(
    "SELECT entry_version, lot_id, points FROM lot_draw"
    " WHERE tenant_id = :tenant AND account_id = :account AND entry_version > :since"
    " ORDER BY entry_version, lot_id"
)


def movements_since(session: Session, account_id: int, version: int) -> list[Movement]:
    """The movements of a locked account after `version`, in their order."""
    values = {"tenant": session.info["tenant_id"], "account": account_id, "since": version}
    draws: dict[int, list[Draw]] = defaultdict(list)
    for row in session.execute(_DRAWS, values):
        draws[row.entry_version].append(Draw(row.lot_id, row.points))
    return [
        Movement(
            row.version,
            Bucket(row.from_bucket),
            Bucket(row.to_bucket),
            row.points,
            tuple(draws[row.version]),
            row.made,
        )
        for row in session.execute(_ENTRIES, values)
    ]
