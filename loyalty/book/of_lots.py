"""What must hold of what time does: lots activate once, and none is left long after its time."""

from __future__ import annotations

from typing import Final

# A lot that was made pending is active when, and only when, one entry has activated it.
_ACTIVE_AS_ITS_ENTRIES_SAY = """
    SELECT format('lot %s-%s', l.account_id, l.id) FROM lot l
    JOIN entry made ON made.tenant_id = :tenant AND made.account_id = l.account_id
                   AND made.version = l.id
    LEFT JOIN (
      SELECT d.account_id, d.lot_id, count(*) AS times FROM entry e
      JOIN lot_draw d ON d.tenant_id = :tenant AND d.account_id = e.account_id
                     AND d.entry_version = e.version
      WHERE e.tenant_id = :tenant AND e.kind = 'activate'
        AND e.account_id IN (SELECT id FROM scope)
      GROUP BY d.account_id, d.lot_id
    ) a ON a.account_id = l.account_id AND a.lot_id = l.id
    WHERE l.tenant_id = :tenant AND l.account_id IN (SELECT id FROM scope)
      AND (coalesce(a.times, 0) <> (l.active AND made.to_bucket = 'pending')::integer
           OR (made.to_bucket = 'available' AND NOT l.active))
    LIMIT 1
"""
_TIME_MOVES_POINTS_ONE_WAY = """
    SELECT format('entry %s-%s', e.account_id, e.version) FROM entry e
    WHERE e.tenant_id = :tenant AND e.account_id IN (SELECT id FROM scope)
      AND (e.kind IN ('activate', 'expire') OR e.to_bucket = 'expired'
           OR (e.from_bucket = 'pending' AND e.to_bucket = 'available'))
      AND ((e.kind, e.from_bucket, e.to_bucket) NOT IN (('activate', 'pending', 'available'),
                                                        ('expire', 'available', 'expired'))
           OR e.occurred_at > e.recorded_at)
    LIMIT 1
"""
# Beat has moved it long ago; every verb would have.
_NOTHING_DUE_STANDS = """
    SELECT format('lot %s-%s', l.account_id, l.id) FROM lot l
    JOIN scope s ON s.id = l.account_id
    WHERE l.tenant_id = :tenant AND l.open
      AND l.due_at <= (SELECT now() + t.clock_offset - interval '1 day' FROM tenant t
                       WHERE t.id = :tenant)
    LIMIT 1
"""

OF_ACCOUNTS: Final[dict[str, str]] = {
    "a lot is active as its entries say": _ACTIVE_AS_ITS_ENTRIES_SAY,
    "time moves points one way": _TIME_MOVES_POINTS_ONE_WAY,
    "nothing stands that was due a day ago": _NOTHING_DUE_STANDS,
}
