"""Deliveries end: what was delivered is kept for a week to look at, what is dead for a month."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_FORGET = text(
    """
    DELETE FROM webhook_delivery WHERE (tenant_id, webhook_id, id) IN (
      SELECT tenant_id, webhook_id, id FROM webhook_delivery
      WHERE laid_out_at < :delivered_before
        AND (status = 'delivered' OR (status = 'dead' AND laid_out_at < :dead_before))
      LIMIT :most)
    RETURNING 1
    """
)


def forget_some(
    session: Session, *, delivered_before: datetime, dead_before: datetime, most: int
) -> int:
    """Forgets some of what was laid out before, and says how many; `delivered_before` is the later
    of the two. The session sees every tenant."""
    values = {"delivered_before": delivered_before, "dead_before": dead_before, "most": most}
    return len(session.execute(_FORGET, values).all())
