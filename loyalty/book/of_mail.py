"""What must hold of the mail that members are written; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

_MILESTONES_WERE_PASSED = """
    SELECT format('mail %s', n.cause) FROM notification n
    LEFT JOIN entry e ON e.tenant_id = :tenant AND e.account_id = (n.data->>'account')::bigint
      AND e.version = (n.data->>'version')::bigint
    WHERE n.tenant_id = :tenant AND n.program_id = :program AND n.kind = 'milestone'
      AND (e.version IS NULL
           OR e.available_after - e.points >= (n.data->>'milestone')::bigint
           OR e.available_after < (n.data->>'milestone')::bigint
           OR e.to_bucket <> 'available')
    LIMIT 1
"""

OF_PROGRAMS: Final[dict[str, str]] = {
    "a milestone that is told was passed": _MILESTONES_WERE_PASSED,
}
