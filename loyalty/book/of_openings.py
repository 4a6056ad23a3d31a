"""What must hold of the points that members brought along; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

_AN_OPENING_IS_ITS_ENTRIES = """
    SELECT format('opening balance %s', coalesce(o.id, e.cause_id)) FROM (
      SELECT * FROM opening_balance
      WHERE tenant_id = :tenant AND account_id IN (SELECT id FROM scope)
    ) o FULL JOIN (
      SELECT cause_id, account_id, sum(points) AS points,
        bool_and(from_bucket = 'issued') AS issued
      FROM entry WHERE tenant_id = :tenant AND kind = 'opening'
        AND account_id IN (SELECT id FROM scope)
      GROUP BY cause_id, account_id
    ) e ON e.cause_id = o.id AND e.account_id = o.account_id
    WHERE o.points::numeric IS DISTINCT FROM e.points OR NOT e.issued
    ORDER BY coalesce(o.id, e.cause_id) LIMIT 1
"""

OF_ACCOUNTS: Final[dict[str, str]] = {
    "an opening balance is its entries": _AN_OPENING_IS_ITS_ENTRIES,
}
