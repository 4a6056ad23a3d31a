"""How a lot is read: the columns that a query names, and the lot that a row means."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from loyalty.ledger.rules import Lot
from loyalty.programs.life_of_points import expiry_from_json

COLUMNS = "id, remaining, expires_at, activates_at, active, idle_days, once_released"


def lot_of(row: Row[Any]) -> Lot:
    """The lot whose COLUMNS stand in `row`."""
    waits = row.once_released
    return Lot(
        row.id,
        row.remaining,
        row.expires_at,
        row.activates_at,
        row.active,
        row.idle_days,
        None if waits is None else expiry_from_json(waits),
    )
