"""The sweep: what was accepted and is still open after seconds is sent again. Nothing is lost.

Runs as the system role, across tenants. A message may be lost anywhere (a killed worker, an
emptied Redis); the row in `unsettled` is what counts.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.claim import ALONE_FROM, MOST_AT_ONCE

STALE_AFTER = timedelta(seconds=3)  # longer than a healthy purchase takes
MOST_PER_SWEEP = 10_000
_ONE_SWEEP_AT_A_TIME = 7_203_412

_ALONE = text("SELECT pg_try_advisory_xact_lock(:lock)")
# Each re-send but the second waits longer than the one before, so that a slow time does not make
# every row old; the second comes when the in-hand keys of a killed worker (5 s) are gone. Each
# tenant's rows are dated by its own clock.
_RESEND = text(
    """
    UPDATE unsettled u SET tries = least(u.tries + 1, 1000), sent_at = due.at
    FROM (
      SELECT s.tenant_id, s.activity_id, :at + t.clock_offset AS at FROM unsettled s
      JOIN program p ON p.tenant_id = s.tenant_id AND p.id = s.program_id AND p.paused_at IS NULL
      JOIN tenant t ON t.id = s.tenant_id
      WHERE coalesce(s.sent_at, s.accepted_at) + :stale * greatest(1, least(s.tries, 9))
            <= :at + t.clock_offset
      ORDER BY s.activity_id LIMIT :most FOR UPDATE OF s SKIP LOCKED
    ) due
    WHERE u.tenant_id = due.tenant_id AND u.activity_id = due.activity_id
    RETURNING u.tenant_id, u.activity_id, u.tries
    """
)


def resend(session: Session, at: datetime) -> list[tuple[int, list[UUID]]]:
    """Counts a re-send on what is due (≤ 10,000 rows, oldest first) and returns the wake-ups.

    To be sent after the commit: (tenant, ids), ≤ 200 ids each; a row that was re-sent three
    times stands alone. Nothing when another sweep is at work.
    """
    if not session.execute(_ALONE, {"lock": _ONE_SWEEP_AT_A_TIME}).scalar_one():
        return []
    rows = session.execute(_RESEND, {"at": at, "stale": STALE_AFTER, "most": MOST_PER_SWEEP}).all()
    together: dict[int, list[UUID]] = defaultdict(list)
    wake_ups: list[tuple[int, list[UUID]]] = []
    for row in sorted(rows, key=lambda row: (row.tenant_id, row.activity_id)):
        if row.tries >= ALONE_FROM:
            wake_ups.append((row.tenant_id, [row.activity_id]))
        else:
            together[row.tenant_id].append(row.activity_id)
    for tenant_id, ids in together.items():
        wake_ups += [
            (tenant_id, ids[start : start + MOST_AT_ONCE])
            for start in range(0, len(ids), MOST_AT_ONCE)
        ]
    return wake_ups


# Parked purchases whose reason has passed although nobody re-opened them: the enrolment and the
# award were under way at once and neither saw the other.
_CAN_GO_ON = text(
    """
    SELECT s.tenant_id, s.activity_id FROM setback s
    LEFT JOIN identifier i ON i.tenant_id = s.tenant_id AND i.kind = s.identifier_kind
                          AND i.value = s.identifier_value
    LEFT JOIN member m ON m.tenant_id = s.tenant_id AND m.member_id = s.member_id
    JOIN membership ms ON ms.tenant_id = s.tenant_id AND ms.program_id = s.program_id
                      AND ms.member_id = coalesce(m.id, i.member_id)
    WHERE s.status = 'parked' AND ms.status = 'active'
    ORDER BY s.activity_id LIMIT :most
    """
)
_EXPIRED = text(
    "SELECT t.id FROM tenant t WHERE EXISTS (SELECT FROM setback s WHERE s.tenant_id = t.id"
    " AND s.status = 'parked' AND s.until <= :at + t.clock_offset) LIMIT 1000"
)


def can_go_on(session: Session, most: int = 1000) -> dict[int, list[UUID]]:
    """Parked purchases, by tenant, whose member can earn now; at most `most`."""
    found: dict[int, list[UUID]] = defaultdict(list)
    for row in session.execute(_CAN_GO_ON, {"most": most}):
        found[row.tenant_id].append(row.activity_id)
    return found


def tenants_with_expired(session: Session, at: datetime) -> list[int]:
    """Tenants for whom something was parked for longer than its window, each by its own clock."""
    return list(session.execute(_EXPIRED, {"at": at}).scalars())
