"""What must hold of transfers, merges, and adjustments that two decided; see checks.py."""

from __future__ import annotations

from typing import Final

_TRANSFERS_BALANCE = """
    , sides AS (
      SELECT cause_id, account_id,
        sum(CASE WHEN to_bucket = 'transferred' THEN points ELSE 0 END) AS went,
        sum(CASE WHEN from_bucket = 'transferred' THEN points ELSE 0 END) AS came
      FROM entry WHERE tenant_id = :tenant AND kind = 'transfer' GROUP BY cause_id, account_id
    )
    SELECT format('transfer %s', t.id) FROM transfer t
    LEFT JOIN sides gave ON gave.cause_id = t.id AND gave.account_id = t.from_account
    LEFT JOIN sides took ON took.cause_id = t.id AND took.account_id = t.to_account
    WHERE t.tenant_id = :tenant
      AND (t.from_account IN (SELECT id FROM scope) OR t.to_account IN (SELECT id FROM scope))
      AND (gave.went, gave.came, took.went, took.came)
        IS DISTINCT FROM (t.points::numeric, 0::numeric, 0::numeric, t.points::numeric)
    LIMIT 1
"""
_TRANSFERS_ARE_WRITTEN_DOWN = """
    SELECT format('entry %s-%s', e.account_id, e.version) FROM entry e
    LEFT JOIN transfer t ON t.tenant_id = :tenant AND t.id = e.cause_id
      AND e.account_id IN (t.from_account, t.to_account)
    WHERE e.tenant_id = :tenant AND e.kind = 'transfer' AND e.account_id IN (SELECT id FROM scope)
      AND t.id IS NULL
    ORDER BY e.account_id, e.version LIMIT 1
"""
_MERGED_ACCOUNTS_ARE_EMPTY = """
    SELECT format('account %s', s.id) FROM scope s
    JOIN merged_account m ON m.tenant_id = :tenant AND m.from_account = s.id AND NOT m.undone
    WHERE (s.pending, s.available, s.held, s.owed, s.lifetime, s.tier_points) <> (0, 0, 0, 0, 0, 0)
    LIMIT 1
"""
_WHO_IS_MERGED_HAS_AN_HEIR = """
    SELECT format('membership %s', ms.id) FROM membership ms
    LEFT JOIN merged_account m ON m.tenant_id = :tenant AND m.from_account = ms.account_id
      AND NOT m.undone
    LEFT JOIN membership heir ON heir.tenant_id = :tenant AND heir.account_id = m.into_account
    JOIN member one ON one.tenant_id = :tenant AND one.id = ms.member_id
    WHERE ms.tenant_id = :tenant AND ms.program_id = :program
      AND CASE WHEN ms.status = 'merged' THEN heir.member_id IS DISTINCT FROM one.merged_into
          ELSE m.merge_id IS NOT NULL OR one.merged_into IS NOT NULL END
    LIMIT 1
"""
_SURVIVORS_SURVIVE = """
    SELECT format('member %s', one.member_id) FROM member one
    JOIN member other ON other.tenant_id = :tenant AND other.id = one.merged_into
    WHERE one.tenant_id = :tenant AND other.merged_into IS NOT NULL
    LIMIT 1
"""
_MERGES_BALANCE = """
    SELECT format('merge %s', cause_id) FROM entry e
    JOIN account a ON a.tenant_id = :tenant AND a.id = e.account_id AND a.program_id = :program
    WHERE e.tenant_id = :tenant AND e.kind = 'merge'
    GROUP BY cause_id
    HAVING sum(CASE WHEN to_bucket = 'transferred' THEN points
                    WHEN from_bucket = 'transferred' THEN -points ELSE 0 END) <> 0
    LIMIT 1
"""
# Nothing leaves a program by going from one of its accounts to another.
_WHAT_IS_TRANSFERRED_ARRIVES = """
    SELECT 'program' FROM entry e
    JOIN account a ON a.tenant_id = :tenant AND a.id = e.account_id AND a.program_id = :program
    WHERE e.tenant_id = :tenant AND 'transferred' IN (e.from_bucket, e.to_bucket)
    HAVING sum(CASE WHEN e.to_bucket = 'transferred' THEN e.points::numeric ELSE -e.points END) <> 0
"""
_APPROVED_REQUESTS_ARE_ADJUSTMENTS = """
    SELECT format('adjustment request %s', r.id) FROM adjustment_request r
    LEFT JOIN adjustment j ON j.tenant_id = :tenant AND j.id = r.id
    WHERE r.tenant_id = :tenant AND r.program_id = :program
      AND j.points IS DISTINCT FROM CASE r.status WHEN 'approved' THEN r.points END
    LIMIT 1
"""

_WHO_IS_ERASED_IS_NOBODY = """
    SELECT format('member %s', m.member_id) FROM member m
    LEFT JOIN identifier i ON i.tenant_id = :tenant AND i.member_id = m.id
    LEFT JOIN membership ms ON ms.tenant_id = :tenant AND ms.member_id = m.id
      AND ms.status NOT IN ('cancelled', 'merged')
    WHERE m.tenant_id = :tenant AND m.erased_at IS NOT NULL
      AND (m.member_id NOT LIKE 'erased-%' OR i.member_id IS NOT NULL OR ms.id IS NOT NULL)
    ORDER BY m.id LIMIT 1
"""

OF_ACCOUNTS: Final[dict[str, str]] = {
    "what one member gave another got": _TRANSFERS_BALANCE,
    "transfer entries have a transfer": _TRANSFERS_ARE_WRITTEN_DOWN,
    "merged accounts are empty": _MERGED_ACCOUNTS_ARE_EMPTY,
}
OF_PROGRAMS: Final[dict[str, str]] = {
    "who is merged has an heir": _WHO_IS_MERGED_HAS_AN_HEIR,
    "a survivor is merged into nobody": _SURVIVORS_SURVIVE,
    "who is erased has left and is nobody": _WHO_IS_ERASED_IS_NOBODY,
    "what a merge takes it gives": _MERGES_BALANCE,
    "what is transferred arrives": _WHAT_IS_TRANSFERRED_ARRIVES,
    "a request is an adjustment when it is approved": _APPROVED_REQUESTS_ARE_ADJUSTMENTS,
}
