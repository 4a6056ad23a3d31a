"""How long lots wait and live: what points keep that move from one account to another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Life(NamedTuple):
    """Points that share it can stand in one lot. `once_released` is JSON, as the lot has it."""

    active: bool = True
    activates_at: datetime | None = None
    expires_at: datetime | None = None
    idle_days: int | None = None
    once_released: str | None = None


_LIVES = text(
    "SELECT id, active, activates_at, expires_at, idle_days, CAST(once_released AS text) FROM lot"
    " WHERE tenant_id = :tenant AND account_id = :account AND id = ANY(:ids)"
)
_STANDING = text(
    "SELECT id, remaining FROM lot WHERE tenant_id = :tenant AND account_id = :account AND open"
    " ORDER BY expires_at, id"
)


def lot_lives(session: Session, account_id: int, lot_ids: Iterable[int]) -> dict[int, Life]:
    """The lives of these lots of a locked account, by lot."""
    values = {
        "tenant": session.info["tenant_id"],
        "account": account_id,
        "ids": sorted(set(lot_ids)),
    }
    return {lot_id: Life(*life) for lot_id, *life in session.execute(_LIVES, values)}


def standing_lots(session: Session, account_id: int) -> dict[int, int]:
    """All that stands in open lots of a locked account, pending too: points by lot."""
    values = {"tenant": session.info["tenant_id"], "account": account_id}
    return {row.id: row.remaining for row in session.execute(_STANDING, values)}
