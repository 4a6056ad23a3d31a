"""Parked purchases: they go on when the member can earn, and end when the park window does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.outbox import handover

# Two look-ups by index, for an OR of the two would read all that is parked.
_OF_MEMBER = """
    SELECT activity_id FROM setback
    WHERE tenant_id = :tenant AND program_id = :program AND status = 'parked'
      AND member_id = ANY(ARRAY(SELECT k.member_id FROM known_as(:tenant, :member) k))
    UNION ALL
    SELECT s.activity_id FROM known_as(:tenant, :member) k
    JOIN identifier i ON i.tenant_id = :tenant AND i.member_id = k.id
    JOIN setback s ON s.tenant_id = :tenant AND s.program_id = :program
      AND s.identifier_kind = i.kind AND s.identifier_value = i.value AND s.status = 'parked'
"""
# A rejection is a decision and stays; who re-opens the same ones at once takes turns.
_REOPEN = """
    WITH due AS (
      SELECT activity_id FROM setback
      WHERE tenant_id = :tenant AND activity_id = ANY(ARRAY({which})) AND status <> 'rejected'
      ORDER BY activity_id FOR UPDATE
    ), again AS (
      DELETE FROM setback s USING due
      WHERE s.tenant_id = :tenant AND s.activity_id = due.activity_id
      RETURNING s.tenant_id, s.program_id, s.activity_id
    )
    INSERT INTO unsettled (tenant_id, program_id, activity_id, accepted_at)
    SELECT tenant_id, program_id, activity_id, :at FROM again
    RETURNING activity_id
"""
_REOPEN_MEMBER = text(_REOPEN.format(which=_OF_MEMBER))
_OF_MEMBERS = """
    SELECT activity_id FROM setback
    WHERE tenant_id = :tenant AND program_id = :program AND status = 'parked'
      AND member_id = ANY(:members)
    UNION ALL
    SELECT s.activity_id FROM member m
    JOIN identifier i ON i.tenant_id = :tenant AND i.member_id = m.id
    JOIN setback s ON s.tenant_id = :tenant AND s.program_id = :program AND s.status = 'parked'
      AND s.identifier_kind = i.kind AND s.identifier_value = i.value
    WHERE m.tenant_id = :tenant AND m.member_id = ANY(:members)
"""
_REOPEN_MEMBERS = text(_REOPEN.format(which=_OF_MEMBERS))
_REOPEN_NAMED = text(_REOPEN.format(which="SELECT unnest(CAST(:ids AS uuid[]))"))


def reopen_for(session: Session, program_id: int, member_id: str, at: datetime) -> int:
    """Re-opens what was parked for a member who can earn again; returns how many purchases."""
    woken = [
        row.activity_id
        for row in session.execute(
            _REOPEN_MEMBER,
            {
                "tenant": session.info["tenant_id"],
                "program": program_id,
                "member": member_id,
                "at": at,
            },
        )
    ]
    handover.note(session, woken)
    return len(woken)


def reopen_for_all(
    session: Session, program_id: int, member_ids: Sequence[str], at: datetime
) -> int:
    """Re-opens what was parked for members who have just joined for the first time."""
    values = {
        "tenant": session.info["tenant_id"],
        "program": program_id,
        "members": list(member_ids),
        "at": at,
    }
    woken = list(session.scalars(_REOPEN_MEMBERS, values))
    handover.note(session, woken)
    return len(woken)


def reopen(session: Session, activity_ids: list[UUID], at: datetime) -> int:
    """Re-opens purchases that were set back: a failed one to be retried, a parked one to go on."""
    woken = [
        row.activity_id
        for row in session.execute(
            _REOPEN_NAMED,
            {
                "tenant": session.info["tenant_id"],
                "ids": [str(one) for one in activity_ids],
                "at": at,
            },
        )
    ]
    handover.note(session, woken)
    return len(woken)


_EXPIRE = text(
    """
    WITH over AS MATERIALIZED (  -- a subquery might be asked again for each row, and pick others
      SELECT activity_id FROM setback
      WHERE tenant_id = :tenant AND status = 'parked' AND until <= :at
      ORDER BY activity_id LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE setback s SET status = 'rejected', reason = 'park_expired', at = :at, until = NULL,
           detail = 'Was parked (' || s.reason || ') until its window ended.'
    FROM over WHERE s.tenant_id = :tenant AND s.activity_id = over.activity_id
    """
)


def expire_parked(session: Session, at: datetime, most: int = 1000) -> int:
    """Rejects what was parked for longer than its window; returns how many (≤ `most`)."""
    result = session.execute(_EXPIRE, {"tenant": session.info["tenant_id"], "at": at, "most": most})
    return int(getattr(result, "rowcount", 0))
