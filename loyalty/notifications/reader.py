"""Who reads for a tenant what happened, and how far they are: one at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from loyalty.notifications.models import ReaderRow

# Few programs, asked for every few seconds.
_TENANTS = text(
    "SELECT DISTINCT p.tenant_id FROM program p JOIN tenant t ON t.id = p.tenant_id"
    " WHERE mail_is_wanted(p.settings->'mail') AND t.suspended_at IS NULL ORDER BY p.tenant_id"
)


def tenants_that_write(session: Session) -> list[int]:
    """The tenants with a program that writes to its members. The session is of the system role."""
    return list(session.scalars(_TENANTS))


def lock_reader(session: Session) -> ReaderRow | None:
    """The tenant's place in what happened; None while somebody else reads for it.

    It was made when the first program began to write: see migrations/sql/0003_notifications.sql.
    """
    mine = ReaderRow.tenant_id == session.info["tenant_id"]
    return session.scalars(
        select(ReaderRow).where(mine).with_for_update(skip_locked=True)
    ).one_or_none()


def go_on_from(session: Session, **columns: Any) -> None:
    """The reader, locked, stands where the columns say."""
    session.execute(
        update(ReaderRow)
        .where(ReaderRow.tenant_id == session.info["tenant_id"])
        .values(**columns)
        .execution_options(synchronize_session=False)
    )
