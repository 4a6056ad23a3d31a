"""Who brought whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Referral:
    """`activity_id` is the purchase that completed it; members by the tenant's own ids."""

    id: UUID
    referrer: str
    referred: str
    created_at: datetime
    completed_at: datetime | None
    activity_id: UUID | None

    @property
    def status(self) -> str:
        """`open` until the referred has bought, then `completed`."""
        return "open" if self.completed_at is None else "completed"


_SELECT = """
    SELECT r.id, a.member_id AS referrer, b.member_id AS referred, r.created_at, r.completed_at,
           r.activity_id
    FROM referral r
    JOIN member a ON a.tenant_id = r.tenant_id AND a.id = r.referrer_id
    JOIN member b ON b.tenant_id = r.tenant_id AND b.id = r.referred_id
    WHERE r.tenant_id = :tenant AND r.program_id = :program AND r.id < :before
"""
_ORDER = "ORDER BY r.id DESC LIMIT :limit"
_ALL = text(f"{_SELECT} {_ORDER}")
_OF_REFERRER = text(f"{_SELECT} AND a.member_id = :referrer {_ORDER}")
_LAST_ID = UUID(int=2**128 - 1)


def referrals_of(
    session: Session,
    program_id: int,
    *,
    referrer: str | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> Sequence[Referral]:
    """A program's referrals, newest first, from before the id `before`."""
    rows = session.execute(
        _ALL if referrer is None else _OF_REFERRER,
        {
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "referrer": referrer,
            "before": before or _LAST_ID,
            "limit": limit,
        },
    )
    return [Referral(*row) for row in rows]
