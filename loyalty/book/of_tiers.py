"""What must hold of tiers; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

# Where two accounts became one, what each had counted is in the past of both.
_TIER_POINTS_ARE_WHAT_WAS_EARNED = """
    SELECT format('account %s', s.id) FROM scope s
    JOIN membership ms ON ms.tenant_id = :tenant AND ms.account_id = s.id AND ms.status <> 'merged'
    LEFT JOIN (
      SELECT one.account_id, sum(one.points) AS points FROM (
        SELECT account_id, points, awarded_at AS at FROM award
        WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
        UNION ALL
        SELECT account_id, points, occurred_at FROM adjustment
        WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope) AND points > 0
        UNION ALL
        SELECT account_id, tier_points, recorded_at FROM opening_balance
        WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
        UNION ALL
        SELECT account_id, -(explanation->>'tier_points')::bigint, settled_at
        FROM give_back_verdict
        WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope) AND status = 'settled'
      ) one
      JOIN membership m ON m.tenant_id = :tenant AND m.account_id = one.account_id
       AND one.at >= m.joined_at
      GROUP BY one.account_id
    ) counted ON counted.account_id = s.id
    LEFT JOIN merged_account h ON h.tenant_id = :tenant AND s.id IN (h.from_account, h.into_account)
    WHERE h.merge_id IS NULL AND s.tier_points < 9007199254740991
      AND s.tier_points <> coalesce(counted.points, 0)
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
