"""What must hold of tiers; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

# Where two accounts became one, what each had counted is in the past of both.
_TIER_POINTS_ARE_WHAT_WAS_EARNED = """
    SELECT format('account %s', s.id) FROM scope s
    JOIN membership ms ON ms.tenant_id = :tenant AND ms.account_id = s.id AND ms.status <> 'merged'
    LEFT JOIN (
      SELECT w.account_id, sum(w.points) AS points FROM award w
      JOIN membership m ON m.tenant_id = :tenant AND m.account_id = w.account_id
      WHERE w.tenant_id = :tenant AND w.account_id IN (SELECT id FROM scope)
        AND w.awarded_at >= m.joined_at GROUP BY w.account_id
    ) w ON w.account_id = s.id
    LEFT JOIN (
      SELECT j.account_id, sum(j.points) AS points FROM adjustment j
      JOIN membership m ON m.tenant_id = :tenant AND m.account_id = j.account_id
      WHERE j.tenant_id = :tenant AND j.account_id IN (SELECT id FROM scope)
        AND j.points > 0 AND j.occurred_at >= m.joined_at
      GROUP BY j.account_id
    ) j ON j.account_id = s.id
    LEFT JOIN (
      SELECT v.account_id, sum((v.explanation->>'tier_points')::bigint) AS points
      FROM give_back_verdict v
      JOIN membership m ON m.tenant_id = :tenant AND m.account_id = v.account_id
      WHERE v.tenant_id = :tenant AND v.account_id IN (SELECT id FROM scope)
        AND v.status = 'settled' AND v.settled_at >= m.joined_at
      GROUP BY v.account_id
    ) v ON v.account_id = s.id
    LEFT JOIN (
      SELECT o.account_id, sum(o.tier_points) AS points FROM opening_balance o
      JOIN membership m ON m.tenant_id = :tenant AND m.account_id = o.account_id
      WHERE o.tenant_id = :tenant AND o.account_id IN (SELECT id FROM scope)
        AND o.recorded_at >= m.joined_at GROUP BY o.account_id
    ) o ON o.account_id = s.id
    LEFT JOIN merged_account h ON h.tenant_id = :tenant AND s.id IN (h.from_account, h.into_account)
    WHERE h.merge_id IS NULL AND s.tier_points < 9007199254740991 AND s.tier_points
      <> coalesce(w.points, 0) + coalesce(j.points, 0) + coalesce(o.points, 0)
         - coalesce(v.points, 0)
    LIMIT 1
"""
# Days that were counted under another policy are counted again before they are used.
_DAYS_ARE_WHAT_WAS_EARNED_ON_THEM = """
    SELECT format('account %s on %s', coalesce(d.account_id, c.account_id),
                  coalesce(d.day, c.day))
    FROM (
      SELECT d.* FROM tier_progress d WHERE d.tenant_id = :tenant
        AND d.account_id IN (SELECT account_id FROM by_day)
    ) d
    FULL JOIN tier_days_counted(:tenant, ARRAY(SELECT account_id FROM by_day)) c
      ON c.account_id = d.account_id AND c.day = d.day
    WHERE (d.points::bigint, d.spend) IS DISTINCT FROM (c.points, c.spend)
    ORDER BY coalesce(d.account_id, c.account_id), coalesce(d.day, c.day) LIMIT 1
"""
_BY_DAY = """
    , by_day AS MATERIALIZED (
      SELECT s.id AS account_id FROM scope s
      JOIN membership ms ON ms.tenant_id = :tenant AND ms.account_id = s.id
       AND ms.status <> 'merged'
      JOIN program p ON p.tenant_id = :tenant AND p.id = s.program_id
       AND p.tier_epoch = ms.tier_epoch
      WHERE coalesce(p.settings->'tier_policy'->>'window', 'ever') <> 'ever'
         OR coalesce(p.settings->'tier_policy'->>'on', 'points') <> 'points'
    )
"""

OF_ACCOUNTS: Final[dict[str, str]] = {
    "tier points are what was earned since joining": _TIER_POINTS_ARE_WHAT_WAS_EARNED,
    "what counts for a tier on a day was earned on it": _BY_DAY + _DAYS_ARE_WHAT_WAS_EARNED_ON_THEM,
}
