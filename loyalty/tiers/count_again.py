"""What counted for a tier is counted again, from the purchases, adjustments and returns."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

_AGAIN = text("SELECT count_tier_days_again(:tenant, :accounts)")


def count_again(session: Session, account_ids: Iterable[int]) -> None:
    """Counts the days of these locked accounts again, where their program's policy needs days.

    For whatever takes points back or moves them between members, after it is written; what an
    award adds is added by `Climb`. A tier falls by it only at its period's end.
    """
    ids = sorted(set(account_ids))
    if ids:
        session.execute(_AGAIN, {"tenant": session.info["tenant_id"], "accounts": ids})
