"""Points that will expire together are told of, once for each account and instant.

Lots are looked at in the order in which they expire, batch by batch, and round after round: a lot
may be made, or its expiry moved, into the days that were looked at already. What was told stands
in `expiry_warning`, written with the event: killed at any moment, or at work twice, nothing is
told twice or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.lifecycle.move_due import Place
from loyalty.outbox.emit import Event, emit

AHEAD = timedelta(days=30)

_TENANTS = text(
    """
    SELECT t.id FROM tenant t
    WHERE EXISTS (
      SELECT FROM lot l WHERE l.tenant_id = t.id AND l.open AND l.active
        AND l.due_at > :at + t.clock_offset AND l.due_at <= :at + t.clock_offset + :ahead)
    ORDER BY t.id
    """
)
_PAGE = text(
    """
    SELECT l.due_at, l.account_id, l.id FROM lot l
    WHERE l.tenant_id = :tenant AND l.open AND l.active AND l.due_at > :at AND l.due_at <= :until
      AND (l.due_at, l.account_id, l.id) > (CAST(:due AS timestamptz), :account, :lot)
    ORDER BY l.due_at, l.account_id, l.id LIMIT :most
    """
)
_WARN = text(
    """
    WITH fresh AS (
      INSERT INTO expiry_warning (tenant_id, account_id, expires_at)
      SELECT DISTINCT CAST(:tenant AS integer), w.account_id, w.expires_at
      FROM unnest(CAST(:accounts AS bigint[]), CAST(:instants AS timestamptz[]))
        AS w(account_id, expires_at)
      ORDER BY w.expires_at, w.account_id
      ON CONFLICT DO NOTHING RETURNING account_id, expires_at
    )
    SELECT f.expires_at, a.program_id, who.member_id, sum(l.remaining) AS points
    FROM fresh f
    JOIN account a ON a.tenant_id = :tenant AND a.id = f.account_id
    JOIN lot l ON l.tenant_id = :tenant AND l.account_id = f.account_id AND l.open AND l.active
      AND l.expires_at = f.expires_at
    CROSS JOIN LATERAL (
      SELECT m.member_id FROM membership ms
      JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
      WHERE ms.tenant_id = :tenant AND ms.account_id = f.account_id ORDER BY ms.id LIMIT 1
    ) who
    GROUP BY f.expires_at, f.account_id, a.program_id, who.member_id
    ORDER BY f.expires_at, f.account_id
    """
)
_FORGET = text("DELETE FROM expiry_warning WHERE tenant_id = :tenant AND expires_at < :at")


def tenants_to_warn(session: Session, at: datetime) -> Sequence[int]:
    """The tenants of whom points expire soon by their own clock; `at` is the world's.

    The session is of the system role.
    """
    return session.execute(_TENANTS, {"at": at, "ahead": AHEAD}).scalars().all()


def warn_of_expiry(session: Session, after: Place, at: datetime, *, most: int) -> Place | None:
    """Looks at the `most` next lots and tells of those that nobody was told of.

    Returns where it ended, None at the end of the round; warnings of the past are forgotten then.
    """
    tenant_id: int = session.info["tenant_id"]
    page = session.execute(
        _PAGE,
        {
            "tenant": tenant_id,
            "at": at,
            "until": at + AHEAD,
            "due": after.due_at,
            "account": after.account_id,
            "lot": after.lot_id,
            "most": most,
        },
    ).all()
    if not page:
        session.execute(_FORGET, {"tenant": tenant_id, "at": at - timedelta(days=1)})
        return None
    found = session.execute(
        _WARN,
        {
            "tenant": tenant_id,
            "accounts": [row.account_id for row in page],
            "instants": [row.due_at for row in page],
        },
    )
    emit(
        session,
        [
            Event(
                "points.expiring_soon",
                f"member {row.member_id}",
                {"points": int(row.points), "expires_at": row.expires_at},
                row.program_id,
            )
            for row in found
        ],
        at,
    )
    last = page[-1]
    return Place(last.due_at, last.account_id, last.id)
