"""What must hold of the limits of promotions; see checks.py, which asks."""

from __future__ import annotations

from typing import Final


def _used(of: str, whose: str, within: str) -> str:
    """What awards used of limits `of` a member or everyone, less what was given back."""
    return f"""
      SELECT {whose} AS account_id, g.promotion AS promotion_id, l.period,
        sum(g.points - coalesce(b.points, 0)) AS points,
        count(*) - count(*) FILTER (WHERE b.whole) AS uses
      FROM award w
      JOIN activity a ON a.tenant_id = :tenant AND a.id = w.activity_id
      JOIN program p ON p.tenant_id = :tenant AND p.id = w.program_id
      LEFT JOIN LATERAL (
        SELECT c.explanation->'award' AS explanation FROM correction c
        WHERE c.tenant_id = :tenant AND c.activity_id = w.activity_id ORDER BY c.id DESC LIMIT 1
      ) c ON true
      CROSS JOIN LATERAL json_to_recordset(
        coalesce(CAST(c.explanation->'given' AS json), w.explanation->'given')
      ) AS g(promotion int, version int, points bigint)
      JOIN promotion_version v ON v.tenant_id = :tenant AND v.promotion_id = g.promotion
                              AND v.version = g.version AND v.rule ? 'limits'
      CROSS JOIN LATERAL (
        SELECT DISTINCT promotion_period(one.rule->>'per', a.occurred_at AT TIME ZONE p.time_zone)
          AS period
        FROM jsonb_array_elements(v.rule->'limits') AS one(rule) WHERE one.rule->>'of' = '{of}'
      ) l
      LEFT JOIN LATERAL (
        SELECT sum((one.share->>'points')::bigint) AS points, bool_or(r.whole) AS whole
        FROM give_back_verdict r, jsonb_array_elements(r.explanation->'given_back') AS one(share)
        WHERE r.tenant_id = :tenant AND r.activity_id = w.activity_id AND r.status = 'settled'
          AND (one.share->>'promotion')::int = g.promotion
      ) b ON true
      WHERE w.tenant_id = :tenant AND g.points > 0 AND {within}
        AND w.program_id IN (SELECT o.program_id FROM promotion o JOIN promotion_version x
          ON x.tenant_id = :tenant AND x.promotion_id = o.id AND x.rule ? 'limits'
          WHERE o.tenant_id = :tenant)  -- most programs have no limits, and are done here
      GROUP BY 1, 2, 3
    """  # noqa: S608 - constants of this file


# Worked out again although a part came back: the parts of each promotion are told nowhere.
_MENDED_AND_RETURNED = """
    SELECT c.account_id FROM correction c JOIN give_back_verdict r
      ON r.tenant_id = :tenant AND r.activity_id = c.activity_id AND r.status = 'settled'
    WHERE c.tenant_id = :tenant AND c.program_id = :program
"""
# Where two accounts became one, the survivor has what both had used.
_LIMITS_ARE_WHAT_WAS_USED = f"""
    SELECT format('promotion %s in %s, account %s', coalesce(u.promotion_id, e.promotion_id),
                  coalesce(u.period, e.period), coalesce(u.account_id, e.account_id))
    FROM (
      SELECT * FROM promotion_use WHERE tenant_id = :tenant
        AND account_id IN (SELECT id FROM scope) AND (points, uses) <> (0, 0)
    ) u
    FULL JOIN (
      {_used("member", "w.account_id", "w.account_id IN (SELECT id FROM scope)")}
    ) e ON (e.account_id, e.promotion_id, e.period) = (u.account_id, u.promotion_id, u.period)
    WHERE (coalesce(u.points, 0), coalesce(u.uses, 0))
          IS DISTINCT FROM (coalesce(e.points, 0), coalesce(e.uses, 0))
      AND NOT EXISTS (SELECT FROM merged_account h WHERE h.tenant_id = :tenant
        AND coalesce(u.account_id, e.account_id) IN (h.from_account, h.into_account))
      AND coalesce(u.account_id, e.account_id) NOT IN ({_MENDED_AND_RETURNED})
    LIMIT 1
"""  # noqa: S608 - constants of this file
_BUDGETS_ARE_WHAT_WAS_USED = f"""
    SELECT format('promotion %s in %s', coalesce(u.promotion_id, e.promotion_id),
                  coalesce(u.period, e.period))
    FROM (
      SELECT b.* FROM promotion_budget b
      JOIN promotion o ON o.tenant_id = :tenant AND o.id = b.promotion_id
      WHERE b.tenant_id = :tenant AND o.program_id = :program AND (b.points, b.uses) <> (0, 0)
    ) u
    FULL JOIN (
      {_used("everyone", "NULL", "w.program_id = :program")}
    ) e ON (e.promotion_id, e.period) = (u.promotion_id, u.period)
    WHERE (coalesce(u.points, 0), coalesce(u.uses, 0))
          IS DISTINCT FROM (coalesce(e.points, 0), coalesce(e.uses, 0))
      AND NOT EXISTS ({_MENDED_AND_RETURNED})
    LIMIT 1
"""  # noqa: S608 - constants of this file

OF_ACCOUNTS: Final[dict[str, str]] = {
    "limits of promotions are what was used": _LIMITS_ARE_WHAT_WAS_USED,
}
OF_PROGRAMS: Final[dict[str, str]] = {
    "budgets of promotions are what was used": _BUDGETS_ARE_WHAT_WAS_USED,
}
