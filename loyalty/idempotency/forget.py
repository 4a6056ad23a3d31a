"""Keys are kept for 30 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

KEPT = timedelta(days=30)
_MOST_AT_ONCE = 10_000

_FORGET = text("""
    DELETE FROM idempotency WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM idempotency WHERE created_at < :before LIMIT :most))
    RETURNING 1
""")


def forget_old(session: Session, at: datetime) -> int:
    """Deletes keys older than 30 days, of every tenant, at most 10,000; returns how many.

    As the system role.
    """
    gone = session.execute(_FORGET, {"before": at - KEPT, "most": _MOST_AT_ONCE})
    return len(gone.all())
