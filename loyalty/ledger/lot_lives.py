"""What stands in the lots of a locked account, and how long it waits and lives."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.parcels import Life
from loyalty.ledger.rules import Draw

_LIVES = text(
    "SELECT id, active, activates_at, expires_at, idle_days, CAST(once_released AS text) FROM lot"
    " WHERE tenant_id = :tenant AND account_id = :account AND id = ANY(:ids)"
)
_STANDING = text(
    "SELECT id, remaining FROM lot WHERE tenant_id = :tenant AND account_id = :account AND open"
    " ORDER BY expires_at, id"
)


def lot_lives(session: Session, account_id: int, draws: Iterable[Draw]) -> dict[int, Life]:
    """The lives of the lots that are drawn from, by lot."""
    values = {
        "tenant": session.info["tenant_id"],
        "account": account_id,
        "ids": sorted({one.lot_id for one in draws}),
    }
    return {lot_id: Life(*life) for lot_id, *life in session.execute(_LIVES, values)}


def all_that_stands(session: Session, account_id: int) -> list[Draw]:
    """What would empty every open lot of the account, pending ones too."""
    values = {"tenant": session.info["tenant_id"], "account": account_id}
    return [Draw(row.id, row.remaining) for row in session.execute(_STANDING, values)]
