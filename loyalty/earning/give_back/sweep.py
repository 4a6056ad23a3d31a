"""Returns that wait are sent again: those that lost their wake-up, those whose purchase may have
come unseen. Each time later than the time before, for a return may wait for weeks.

Runs as the system role, across tenants. A row that ends its worker can't hold up others: it goes
alone, and ever more seldom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.give_back.accept import SETTLE
from loyalty.outbox import handover

STALE_AFTER = timedelta(seconds=3)
MOST_PER_SWEEP = 1000

# 3, 3, 6, 12 s … and in the end every 51 minutes; each tenant's rows are dated by its own clock.
_RESEND = text(
    """
    UPDATE unsettled_give_back u SET tries = least(u.tries + 1, 1000), sent_at = due.at
    FROM (
      SELECT s.tenant_id, s.give_back_id, :at + t.clock_offset AS at FROM unsettled_give_back s
      JOIN program p ON p.tenant_id = s.tenant_id AND p.id = s.program_id AND p.paused_at IS NULL
      JOIN tenant t ON t.id = s.tenant_id
      WHERE s.status <> 'failed' AND coalesce(s.sent_at, s.accepted_at)
            + :stale * power(2, greatest(0, least(s.tries, 11) - 1)) <= :at + t.clock_offset
      ORDER BY s.give_back_id LIMIT :most FOR UPDATE OF s SKIP LOCKED
    ) due
    WHERE u.tenant_id = due.tenant_id AND u.give_back_id = due.give_back_id
    RETURNING u.tenant_id, u.give_back_id
    """
)


def resend(session: Session, at: datetime) -> dict[int, list[UUID]]:
    """Counts a re-send on what is due (≤ 1000) and returns the ids by tenant, to be sent after
    the commit."""
    found: dict[int, list[UUID]] = defaultdict(list)
    rows = session.execute(_RESEND, {"at": at, "stale": STALE_AFTER, "most": MOST_PER_SWEEP})
    for row in rows:
        found[row.tenant_id].append(row.give_back_id)
    return found


_WAITING = text("SELECT give_backs_waiting_for(:tenant, CAST(:ids AS uuid[]))")


def wake_waiting(session: Session, activity_ids: Iterable[UUID]) -> None:
    """Hands over the returns that wait for these purchases, which were judged just now."""
    values = {"tenant": session.info["tenant_id"], "ids": [str(one) for one in activity_ids]}
    handover.note(session, session.execute(_WAITING, values).scalars(), SETTLE)


_RETRY = text(
    "UPDATE unsettled_give_back SET status = 'accepted', reason = NULL, detail = NULL, tries = 0,"
    " sent_at = :at WHERE tenant_id = :tenant AND give_back_id = :id AND status <> 'accepted'"
    " RETURNING give_back_id"
)


def retry_return(session: Session, give_back_id: UUID, at: datetime) -> bool:
    """A failed or waiting return is tried again; False when there is none to try."""
    values = {"tenant": session.info["tenant_id"], "id": give_back_id, "at": at}
    woken = session.execute(_RETRY, values).scalars().all()
    handover.note(session, woken, SETTLE)
    return bool(woken)
