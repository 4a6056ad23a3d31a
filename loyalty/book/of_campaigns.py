"""What must hold of campaigns and referrals; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

_PROGRESS_IS_ITS_STEPS = """
    SELECT format('campaign %s of account %s', p.campaign_id, p.account_id)
    FROM campaign_progress p
    LEFT JOIN LATERAL (
      SELECT array_agg(total ORDER BY position) AS counted FROM (
        SELECT c.position, sum(c.counted) AS total FROM campaign_step s
        CROSS JOIN unnest(s.counted) WITH ORDINALITY AS c(counted, position)
        WHERE s.tenant_id = :tenant AND s.campaign_id = p.campaign_id
          AND s.account_id IN (SELECT own_accounts(:tenant, p.account_id))
        GROUP BY c.position
      ) totals
    ) s ON true
    WHERE p.tenant_id = :tenant AND p.account_id IN (SELECT id FROM scope)
      AND p.account_id NOT IN (SELECT from_account FROM merged_account
                               WHERE tenant_id = :tenant AND NOT undone)
      AND p.counted IS DISTINCT FROM s.counted
    LIMIT 1
"""
_COMPLETIONS_ARE_AS_MANY_AS_PROGRESS_SAYS = """
    SELECT format('campaign %s of account %s', p.campaign_id, p.account_id)
    FROM campaign_progress p
    JOIN campaign g ON g.tenant_id = :tenant AND g.id = p.campaign_id
    LEFT JOIN LATERAL (
      SELECT count(*) AS times, max(n) AS last FROM campaign_completion c
      WHERE c.tenant_id = :tenant AND c.campaign_id = p.campaign_id
        AND c.account_id IN (SELECT own_accounts(:tenant, p.account_id))
    ) c ON true
    WHERE p.tenant_id = :tenant AND p.account_id IN (SELECT id FROM scope)
      AND p.account_id NOT IN (SELECT from_account FROM merged_account
                               WHERE tenant_id = :tenant AND NOT undone)
      AND (least(c.times, g.times) <> p.completed OR coalesce(c.last, 0) > p.completed)
    LIMIT 1
"""
# A bonus is unique by its key, so that one that is there is there once.
_COMPLETIONS_ARE_PAID = """
    SELECT format('completion %s of campaign %s by account %s', c.n, c.campaign_id, c.account_id)
    FROM campaign_completion c
    JOIN campaign g ON g.tenant_id = :tenant AND g.id = c.campaign_id
    CROSS JOIN jsonb_array_elements(g.rewards) WITH ORDINALITY AS r(reward, position)
    LEFT JOIN activity a ON a.tenant_id = :tenant AND a.program_id = g.program_id
      AND a.source = '\\:campaign' AND a.kind = 'bonus' AND a.transaction_id =
        c.campaign_id || '-' || c.account_id || '-' || c.n || '-' || r.position
    LEFT JOIN boost b ON b.tenant_id = :tenant AND b.account_id = c.account_id
      AND b.campaign_id = c.campaign_id AND b.n = c.n AND b.position = r.position
    LEFT JOIN campaign_gift f ON f.tenant_id = :tenant AND f.account_id = c.account_id
      AND f.campaign_id = c.campaign_id AND f.n = c.n AND f.position = r.position
    LEFT JOIN redemption d ON d.tenant_id = :tenant AND d.id = f.id
    WHERE c.tenant_id = :tenant AND c.account_id IN (SELECT id FROM scope)
      AND CASE r.reward->>'kind'
          WHEN 'points' THEN a.body->'points' IS DISTINCT FROM r.reward->'points'
          WHEN 'multiplier' THEN b.factor IS DISTINCT FROM (r.reward->>'factor')::numeric
          ELSE f.reward IS DISTINCT FROM r.reward->>'reward'
            OR (f.given_at IS NULL) <> (d.id IS NULL) END
    LIMIT 1
"""
_BONUSES_OF_CAMPAIGNS_WERE_EARNED = """
    SELECT format('bonus %s', a.id) FROM activity a
    LEFT JOIN campaign_completion c ON c.tenant_id = :tenant
      AND c.campaign_id = split_part(a.transaction_id, '-', 1)::integer
      AND c.account_id = split_part(a.transaction_id, '-', 2)::bigint
      AND c.n = split_part(a.transaction_id, '-', 3)::integer
    WHERE a.tenant_id = :tenant AND a.program_id = :program AND a.source = '\\:campaign'
      AND c.n IS NULL
    LIMIT 1
"""
_REFERRALS_ARE_PAID_TO_BOTH = """
    SELECT format('referral %s', r.id) FROM referral r
    CROSS JOIN LATERAL (VALUES ('referrer', r.referrer_points), ('referred', r.referred_points))
      AS of_whom(role, points)
    LEFT JOIN activity a ON a.tenant_id = :tenant AND a.program_id = r.program_id
      AND a.source = '\\:referral' AND a.kind = 'bonus'
      AND a.transaction_id = r.id || '-' || of_whom.role
    WHERE r.tenant_id = :tenant AND r.program_id = :program
      AND CASE WHEN r.completed_at IS NULL THEN a.id IS NOT NULL
          ELSE (a.body->>'points')::bigint IS DISTINCT FROM of_whom.points END
    LIMIT 1
"""

OF_ACCOUNTS: Final[dict[str, str]] = {
    "progress in a campaign is the sum of its steps": _PROGRESS_IS_ITS_STEPS,
    "a campaign was completed as often as its progress says": (
        _COMPLETIONS_ARE_AS_MANY_AS_PROGRESS_SAYS
    ),
    "each completion is paid once": _COMPLETIONS_ARE_PAID,
}
OF_PROGRAMS: Final[dict[str, str]] = {
    "bonuses of campaigns have a completion": _BONUSES_OF_CAMPAIGNS_WERE_EARNED,
    "a completed referral is paid to both": _REFERRALS_ARE_PAID_TO_BOTH,
}
