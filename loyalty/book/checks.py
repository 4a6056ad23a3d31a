"""The invariants, as questions to Postgres: each names the first row that breaks it.

Every question sees the accounts in `scope` (of one program, or only those touched lately).
"""

from __future__ import annotations

from typing import Final

from loyalty.book import (
    of_campaigns,
    of_care,
    of_desk,
    of_jobs,
    of_lots,
    of_mail,
    of_openings,
    of_promotions,
    of_returns,
    of_rewards,
    of_tiers,
)

#: How a question narrows down to the accounts in `scope`.
IN_SCOPE: Final = "IN (SELECT id FROM scope)"
_SCOPE = """
    WITH scope AS MATERIALIZED (
      SELECT * FROM account WHERE tenant_id = :tenant AND program_id = :program
        AND (CAST(:accounts AS bigint[]) IS NULL OR id = ANY(CAST(:accounts AS bigint[])))
    )
"""

_ENTRIES_CONTINUE = """
    SELECT format('entry %s-%s', account_id, version) FROM (
      SELECT e.*, lag(e.version, 1, 0::bigint) OVER w AS v,
        lag(e.pending_after::bigint, 1, 0::bigint) OVER w AS p,
        lag(e.available_after::bigint, 1, 0::bigint) OVER w AS a,
        lag(e.held_after::bigint, 1, 0::bigint) OVER w AS h,
        lag(e.owed_after::bigint, 1, 0::bigint) OVER w AS o, lag(e.place) OVER w AS fed
      FROM entry e WHERE e.tenant_id = :tenant AND e.account_id IN (SELECT id FROM scope)
      WINDOW w AS (PARTITION BY e.account_id ORDER BY e.version)
    ) c
    WHERE version <> v + 1
       OR pending_after <> p + moved('pending', from_bucket, to_bucket, points)
       OR available_after <> a + moved('available', from_bucket, to_bucket, points)
       OR held_after <> h + moved('held', from_bucket, to_bucket, points)
       OR owed_after <> o + moved('owed', from_bucket, to_bucket, points)
       OR place < fed
    LIMIT 1
"""
_ACCOUNT_IS_ITS_ENTRIES = """
    SELECT format('account %s', s.id) FROM scope s
    LEFT JOIN merged_account gone ON gone.tenant_id = :tenant AND gone.from_account = s.id
      AND NOT gone.undone
    LEFT JOIN (
      SELECT heir.into_account, sum(e.points) AS lifetime FROM merged_account heir
      JOIN entry e ON e.tenant_id = :tenant AND e.account_id = heir.from_account
        AND (e.from_bucket = 'issued' OR (e.from_bucket = 'adjusted' AND e.kind = 'adjust'))
      WHERE heir.tenant_id = :tenant AND NOT heir.undone
        AND heir.into_account IN (SELECT id FROM scope)
      GROUP BY heir.into_account
    ) inherited ON inherited.into_account = s.id
    LEFT JOIN (
      SELECT account_id, max(version) AS version, count(*) AS entries,
        sum(moved('pending', from_bucket, to_bucket, points)) AS pending,
        sum(moved('available', from_bucket, to_bucket, points)) AS available,
        sum(moved('held', from_bucket, to_bucket, points)) AS held,
        sum(moved('owed', from_bucket, to_bucket, points)) AS owed,
        sum(CASE WHEN from_bucket = 'issued'
                   OR (from_bucket = 'adjusted' AND kind = 'adjust') THEN points ELSE 0 END)
          AS lifetime
      FROM entry WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
      GROUP BY account_id
    ) e ON e.account_id = s.id
    WHERE (s.version, s.version, s.pending, s.available, s.held, s.owed, s.lifetime)
      IS DISTINCT FROM (coalesce(e.version, 0), coalesce(e.entries, 0), coalesce(e.pending, 0),
                        coalesce(e.available, 0), coalesce(e.held, 0), coalesce(e.owed, 0),
                        CASE WHEN gone.merge_id IS NOT NULL THEN 0
                             ELSE least(coalesce(e.lifetime, 0) + coalesce(inherited.lifetime, 0),
                                        9007199254740991) END)
       OR s.tier_points > s.lifetime
    LIMIT 1
"""
_LOTS_ARE_THE_BALANCE = """
    SELECT format('account %s', s.id) FROM scope s
    LEFT JOIN (
      SELECT account_id, sum(remaining) FILTER (WHERE active) AS available,
        sum(remaining) FILTER (WHERE NOT active) AS pending
      FROM lot WHERE tenant_id = :tenant AND open AND account_id IN (SELECT id FROM scope)
      GROUP BY account_id
    ) l ON l.account_id = s.id
    WHERE (s.available, s.pending) IS DISTINCT FROM
          (coalesce(l.available, 0), coalesce(l.pending, 0))
    LIMIT 1
"""
# What left a lot is what its draws say: an entry that takes from a bucket of the account draws,
# one that brings back returns, and one that activates leaves its points where they are.
_DRAWS_ARE_WHAT_LEFT_THE_LOTS = """
    SELECT format('lot %s-%s', l.account_id, l.id) FROM lot l
    LEFT JOIN (
      SELECT d.account_id, d.lot_id,
        sum(CASE WHEN e.kind = 'activate' THEN 0
                 WHEN e.from_bucket IN ('pending', 'available') THEN d.points
                 ELSE -d.points END) AS points
      FROM lot_draw d JOIN entry e ON e.tenant_id = :tenant AND e.account_id = d.account_id
                                  AND e.version = d.entry_version
      WHERE d.tenant_id = :tenant AND d.account_id IN (SELECT id FROM scope)
      GROUP BY d.account_id, d.lot_id
    ) t ON t.account_id = l.account_id AND t.lot_id = l.id
    WHERE l.tenant_id = :tenant AND l.account_id IN (SELECT id FROM scope)
      AND l.points - coalesce(t.points, 0) <> l.remaining
    LIMIT 1
"""
_LOTS_COME_FROM_ENTRIES = """
    SELECT format('lot %s-%s', l.account_id, l.id) FROM lot l
    LEFT JOIN entry e ON e.tenant_id = :tenant AND e.account_id = l.account_id AND e.version = l.id
    WHERE l.tenant_id = :tenant AND l.account_id IN (SELECT id FROM scope)
      AND l.points IS DISTINCT FROM e.points
    LIMIT 1
"""
_SPENT_POINTS_CAME_FROM_LOTS = """
    SELECT format('entry %s-%s', e.account_id, e.version) FROM entry e
    LEFT JOIN (
      SELECT account_id, entry_version, sum(points) AS points FROM lot_draw
      WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
      GROUP BY account_id, entry_version
    ) d ON d.account_id = e.account_id AND d.entry_version = e.version
    WHERE e.tenant_id = :tenant AND e.account_id IN (SELECT id FROM scope)
      AND e.from_bucket IN ('pending', 'available') AND e.points IS DISTINCT FROM d.points
    LIMIT 1
"""
_AWARDS_ARE_THEIR_ENTRIES = """
    SELECT format('award of %s', w.activity_id) FROM award w
    LEFT JOIN (
      SELECT cause_id, account_id, min(version) AS first, count(*) AS entries, sum(points) AS points
      FROM entry WHERE tenant_id = :tenant AND kind = 'award'
        AND account_id IN (SELECT id FROM scope)
      GROUP BY cause_id, account_id
    ) e ON e.cause_id = w.activity_id AND e.account_id = w.account_id
    WHERE w.tenant_id = :tenant AND w.account_id IN (SELECT id FROM scope)
      AND ((w.points, w.entries) IS DISTINCT FROM
           (coalesce(e.points, 0), coalesce(e.entries, 0)::smallint)
           OR e.first <> w.account_version + 1)
    LIMIT 1
"""


def _cause(kind: str, table: str, points: str) -> str:
    return f"""
    SELECT format('entry %s-%s', e.account_id, e.version) FROM entry e
    LEFT JOIN {table} c ON c.tenant_id = :tenant AND c.{"activity_id" if table == "award" else "id"}
      = e.cause_id AND c.account_id = e.account_id
    WHERE e.tenant_id = :tenant AND e.kind = '{kind}' AND e.account_id IN (SELECT id FROM scope)
      AND {points}
    ORDER BY e.account_id, e.version LIMIT 1
    """  # noqa: S608 - constants of this file


_EACH_ACTIVITY_STANDS_ONCE = """
    SELECT format('activity %s', a.id) FROM activity a
    LEFT JOIN unsettled u ON u.tenant_id = :tenant AND u.activity_id = a.id
    LEFT JOIN award w ON w.tenant_id = :tenant AND w.activity_id = a.id
    LEFT JOIN setback s ON s.tenant_id = :tenant AND s.activity_id = a.id
    WHERE a.tenant_id = :tenant AND a.program_id = :program
      AND num_nonnulls(u.activity_id, w.activity_id, s.activity_id) <> 1
    LIMIT 1
"""
_NO_VERDICT_WITHOUT_ACTIVITY = """
    SELECT format('verdict on %s', v.activity_id) FROM (
      SELECT activity_id FROM award WHERE tenant_id = :tenant AND program_id = :program
      UNION ALL
      SELECT activity_id FROM setback WHERE tenant_id = :tenant AND program_id = :program
      UNION ALL
      SELECT activity_id FROM unsettled WHERE tenant_id = :tenant AND program_id = :program
    ) v LEFT JOIN activity a ON a.tenant_id = :tenant AND a.id = v.activity_id
    WHERE a.id IS NULL
    LIMIT 1
"""
_MEMBERSHIPS_STAND_ON_ACCOUNTS = """
    SELECT format('membership %s', m.id) FROM membership m
    LEFT JOIN account s ON s.tenant_id = :tenant AND s.id = m.account_id
    LEFT JOIN tier t ON t.tenant_id = :tenant AND t.program_id = m.program_id AND t.key = m.tier_key
    WHERE m.tenant_id = :tenant AND m.program_id = :program
      AND (s.program_id IS DISTINCT FROM m.program_id OR t.key IS NULL)
    LIMIT 1
"""
_TRIAL_BALANCE = """
    SELECT 'program' FROM (
      SELECT sum(pending::numeric + available + held - owed) AS net FROM scope
    ) b, (
      SELECT sum((CASE WHEN from_bucket > 'owed' THEN points ELSE 0 END)::numeric
               - CASE WHEN to_bucket > 'owed' THEN points ELSE 0 END) AS net
      FROM entry WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
    ) e WHERE coalesce(b.net, 0) <> coalesce(e.net, 0)
"""

#: What must hold of each account in scope → the question that names the first row breaking it.
OF_ACCOUNTS: Final[dict[str, str]] = {
    name: _SCOPE + question
    for name, question in {
        "entries continue their account": _ENTRIES_CONTINUE,
        "an account is the sum of its entries": _ACCOUNT_IS_ITS_ENTRIES,
        "open lots are pending and available": _LOTS_ARE_THE_BALANCE,
        "a lot is what its entry made less what was drawn": _DRAWS_ARE_WHAT_LEFT_THE_LOTS,
        "a lot comes from an entry of its size": _LOTS_COME_FROM_ENTRIES,
        "points that left came from lots": _SPENT_POINTS_CAME_FROM_LOTS,
        "an award is its entries": _AWARDS_ARE_THEIR_ENTRIES,
        "award entries have an award": _cause("award", "award", "c.activity_id IS NULL"),
        "redeem entries have a redemption": _cause(
            "redeem", "redemption", "c.points IS DISTINCT FROM e.points"
        ),
        "adjust entries have an adjustment": _cause("adjust", "adjustment", "c.id IS NULL"),
        **of_lots.OF_ACCOUNTS,
        **of_openings.OF_ACCOUNTS,
        **of_returns.OF_ACCOUNTS,
        **of_campaigns.OF_ACCOUNTS,
        **of_tiers.OF_ACCOUNTS,
        **of_care.OF_ACCOUNTS,
        **of_rewards.OF_ACCOUNTS,
        **of_promotions.OF_ACCOUNTS,
        "in less out is what is there": _TRIAL_BALANCE,
    }.items()
}
#: What must hold of a whole program besides.
OF_PROGRAMS: Final[dict[str, str]] = {
    "an activity is open, awarded or set back": _EACH_ACTIVITY_STANDS_ONCE,
    **of_returns.OF_PROGRAMS,
    **of_campaigns.OF_PROGRAMS,
    **of_care.OF_PROGRAMS,
    **of_rewards.OF_PROGRAMS,
    **of_promotions.OF_PROGRAMS,
    **of_desk.OF_PROGRAMS,
    **of_jobs.OF_PROGRAMS,
    **of_mail.OF_PROGRAMS,
    "verdicts are on activities": _NO_VERDICT_WITHOUT_ACTIVITY,
    "memberships stand on an account and a tier": _MEMBERSHIPS_STAND_ON_ACCOUNTS,
}
