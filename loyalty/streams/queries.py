"""Reads: how much is accepted and not judged yet."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_AT_LEAST = text("""
    SELECT count(*) >= :most
    FROM (SELECT program_id FROM unsettled WHERE tenant_id = :tenant LIMIT 2 * :most) AS u
    JOIN program p ON p.tenant_id = :tenant AND p.id = u.program_id AND p.paused_at IS NULL
""")


def is_behind(session: Session, most: int) -> bool:
    """Whether `most` or more of the tenant's purchases wait for a worker.

    Those of paused programs do not count; of a very long queue only a part is looked at, so that
    the question costs the same at any length.
    """
    return bool(session.scalar(_AT_LEAST, {"tenant": session.info["tenant_id"], "most": most}))
