"""What must hold of returns; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

# What a return moved is what it says; what it gave back besides had ended, or is let be.
_RETURNS_ARE_THEIR_ENTRIES = """
    SELECT format('return %s', v.give_back_id) FROM give_back_verdict v
    LEFT JOIN (
      SELECT cause_id, account_id, min(version) AS first, count(*) AS entries, sum(points) AS points
      FROM entry WHERE tenant_id = :tenant AND kind = 'reverse' AND to_bucket = 'reversed'
        AND account_id IN (SELECT id FROM scope)
      GROUP BY cause_id, account_id
    ) e ON e.cause_id = v.give_back_id AND e.account_id = v.account_id
    WHERE v.tenant_id = :tenant AND v.account_id IN (SELECT id FROM scope)
      AND ((v.taken, v.entries) IS DISTINCT FROM
           (coalesce(e.points, 0), coalesce(e.entries, 0)::smallint)
           OR e.first <> v.account_version + 1)
    LIMIT 1
"""
# What leaving ends of pending points is reversed too, and is no return.
_REVERSALS_HAVE_A_RETURN = """
    SELECT format('entry %s-%s', e.account_id, e.version) FROM entry e
    LEFT JOIN give_back_verdict v ON v.tenant_id = :tenant AND v.give_back_id = e.cause_id
    WHERE e.tenant_id = :tenant AND e.kind = 'reverse' AND e.from_bucket <> 'pending'
      AND e.account_id IN (SELECT id FROM scope) AND v.account_id IS DISTINCT FROM e.account_id
    LIMIT 1
"""
_NO_MORE_COMES_BACK_THAN_WAS_EARNED = """
    SELECT format('returns of %s', r.activity_id) FROM (
      SELECT activity_id, sum(points) AS points, bool_or(whole) AS whole FROM give_back_verdict
      WHERE tenant_id = :tenant AND status = 'settled'
        AND account_id IN (SELECT id FROM scope) GROUP BY activity_id
    ) r LEFT JOIN award w ON w.tenant_id = :tenant AND w.activity_id = r.activity_id
    CROSS JOIN LATERAL (
      SELECT w.points + coalesce(sum(c.difference), 0) AS points FROM correction c
      WHERE c.tenant_id = :tenant AND c.activity_id = r.activity_id
    ) earned
    WHERE w.activity_id IS NULL OR r.points > earned.points
       OR (r.whole AND r.points <> earned.points)
    LIMIT 1
"""
_CORRECTIONS_ARE_THEIR_ADJUSTMENTS = """
    SELECT format('correction %s', c.id) FROM correction c
    LEFT JOIN adjustment j ON j.tenant_id = :tenant AND j.id = c.id
    LEFT JOIN (
      SELECT cause_id, account_id, count(*) AS entries,
        sum(CASE WHEN from_bucket = 'adjusted' THEN points ELSE -points END) AS points
      FROM entry WHERE tenant_id = :tenant AND kind = 'adjust'
        AND account_id IN (SELECT id FROM scope)
      GROUP BY cause_id, account_id
    ) e ON e.cause_id = c.id AND e.account_id = c.account_id
    WHERE c.tenant_id = :tenant AND c.account_id IN (SELECT id FROM scope)
      AND (c.moved, c.entries::bigint, c.moved) IS DISTINCT FROM
          (coalesce(e.points, 0), coalesce(e.entries, 0), coalesce(j.points, 0))
    LIMIT 1
"""

_EACH_RETURN_STANDS_ONCE = """
    SELECT format('return %s', g.id) FROM give_back g
    LEFT JOIN unsettled_give_back u ON u.tenant_id = :tenant AND u.give_back_id = g.id
    LEFT JOIN give_back_verdict v ON v.tenant_id = :tenant AND v.give_back_id = g.id
    WHERE g.tenant_id = :tenant AND g.program_id = :program
      AND num_nonnulls(u.give_back_id, v.give_back_id) <> 1
    LIMIT 1
"""

OF_ACCOUNTS: Final[dict[str, str]] = {
    "a return is its entries": _RETURNS_ARE_THEIR_ENTRIES,
    "reversals have a return": _REVERSALS_HAVE_A_RETURN,
    "a correction is its adjustment": _CORRECTIONS_ARE_THEIR_ADJUSTMENTS,
    "no more comes back than was earned": _NO_MORE_COMES_BACK_THAN_WAS_EARNED,
}
OF_PROGRAMS: Final[dict[str, str]] = {
    "a return is open or has its verdict": _EACH_RETURN_STANDS_ONCE,
}
