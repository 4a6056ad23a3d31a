"""What must hold of redemptions, holds, stock and vouchers; see checks.py."""

from __future__ import annotations

from typing import Final

_HELD_IS_WHAT_HOLDS_DREW = """
    , drawn AS (
      SELECT account_id, entry_version, sum(points) AS points FROM lot_draw
      WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
      GROUP BY account_id, entry_version
    )
    SELECT format('account %s', s.id) FROM scope s
    LEFT JOIN (
      SELECT r.account_id, sum(r.points) AS points, sum(d.points) AS drawn FROM redemption r
      LEFT JOIN drawn d ON d.account_id = r.account_id AND d.entry_version = r.entry_version
      WHERE r.tenant_id = :tenant AND r.status = 'held' AND r.account_id IN (SELECT id FROM scope)
      GROUP BY r.account_id
    ) h ON h.account_id = s.id
    WHERE (s.held::numeric, s.held::numeric)
      IS DISTINCT FROM (coalesce(h.points, 0), coalesce(h.drawn, 0))
    LIMIT 1
"""
# A hold that went along with a merge was made on the account that is merged.
_ENTRIES_HAVE_THEIR_REDEMPTION = """
    SELECT format('entry %s-%s', e.account_id, e.version) FROM entry e
    LEFT JOIN redemption r ON r.tenant_id = :tenant AND r.id = e.cause_id
    WHERE e.tenant_id = :tenant AND e.account_id IN (SELECT id FROM scope)
      AND (e.kind = 'hold' AND r.points IS DISTINCT FROM e.points
           OR e.kind IN ('capture', 'release', 'lapse', 'cancel')
              AND r.account_id IS DISTINCT FROM e.account_id)
    LIMIT 1
"""
_A_REDEMPTION_IS_ITS_ENTRIES = """
    SELECT format('redemption %s', r.id) FROM redemption r
    LEFT JOIN (
      SELECT cause_id, account_id,
        sum(points) FILTER (WHERE kind IN ('redeem', 'capture')) AS spent,
        sum(points) FILTER (WHERE kind IN ('release', 'lapse')) AS released,
        sum(points) FILTER (WHERE kind = 'cancel') AS cancelled
      FROM entry WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
        AND kind IN ('redeem', 'capture', 'release', 'lapse', 'cancel')
      GROUP BY cause_id, account_id
    ) e ON e.cause_id = r.id AND e.account_id = r.account_id
    WHERE r.tenant_id = :tenant AND r.account_id IN (SELECT id FROM scope)
      AND (coalesce(e.spent, 0), coalesce(e.released, 0), coalesce(e.cancelled, 0))
        IS DISTINCT FROM (CASE r.status WHEN 'held' THEN 0 ELSE r.points - r.released END::numeric,
                          r.released::numeric, r.cancelled::numeric)
    LIMIT 1
"""
_A_STEP_IS_ITS_ENTRY = """
    SELECT format('step %s of redemption %s', t.step, t.redemption_id) FROM redemption_step t
    JOIN redemption r ON r.tenant_id = :tenant AND r.id = t.redemption_id
    LEFT JOIN entry e ON e.tenant_id = :tenant AND e.account_id = r.account_id
                     AND e.version = t.entry_version
    WHERE t.tenant_id = :tenant AND r.account_id IN (SELECT id FROM scope)
      AND t.entry_version IS NOT NULL
      AND (e.kind::text, e.points, e.cause_id) IS DISTINCT FROM (t.kind, t.points, r.id)
    LIMIT 1
"""
_STOCK_AND_HANDED_OUT_ARE_ALL = """
    SELECT format('reward %s', w.key) FROM reward w
    LEFT JOIN reward_stock s ON s.tenant_id = :tenant AND s.reward_id = w.id
    LEFT JOIN (
      SELECT reward_id, count(*) AS taken FROM redemption
      WHERE tenant_id = :tenant AND program_id = :program AND took_stock GROUP BY reward_id
    ) r ON r.reward_id = w.id
    WHERE w.tenant_id = :tenant AND w.program_id = :program
      AND coalesce(s.total - s.remaining, 0) <> coalesce(r.taken, 0)
    LIMIT 1
"""
# A code that nobody was told goes back to its pool; one that was made for the redemption ends.
_VOUCHERS_ARE_WITH_THEIR_REDEMPTION = """
    SELECT format('voucher %s', v.id) FROM voucher v
    LEFT JOIN redemption r ON r.tenant_id = :tenant AND r.id = v.redemption_id
    WHERE v.tenant_id = :tenant AND v.program_id = :program AND v.status <> 'free'
      AND (v.reward_id, v.status) IS DISTINCT FROM (r.reward_id, CASE
        WHEN r.status = 'held' THEN 'held'
        WHEN r.status IN ('released', 'lapsed', 'cancelled') THEN 'void'
        ELSE 'given' END)
    LIMIT 1
"""
_WHO_REDEEMS_A_VOUCHER_HAS_ONE = """
    SELECT format('redemption %s', r.id) FROM redemption r
    JOIN reward w ON w.tenant_id = :tenant AND w.id = r.reward_id AND w.kind = 'voucher'
    LEFT JOIN voucher v ON v.tenant_id = :tenant AND v.redemption_id = r.id
    WHERE r.tenant_id = :tenant AND r.program_id = :program
      AND r.status NOT IN ('released', 'lapsed') AND v.id IS NULL
    LIMIT 1
"""

OF_ACCOUNTS: Final[dict[str, str]] = {
    "what is held is what its holds drew": _HELD_IS_WHAT_HOLDS_DREW,
    "entries of redemptions have a redemption": _ENTRIES_HAVE_THEIR_REDEMPTION,
    "a redemption is its entries": _A_REDEMPTION_IS_ITS_ENTRIES,
    "a step of a redemption is its entry": _A_STEP_IS_ITS_ENTRY,
}
OF_PROGRAMS: Final[dict[str, str]] = {
    "stock and what was handed out are all there was": _STOCK_AND_HANDED_OUT_ARE_ALL,
    "a voucher is with its redemption": _VOUCHERS_ARE_WITH_THEIR_REDEMPTION,
    "who redeems a voucher has one": _WHO_REDEEMS_A_VOUCHER_HAS_ONE,
}
