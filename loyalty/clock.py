"""The only clock. One operation asks once and passes the answer on."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_CLOCK = text("SELECT sandbox, clock_offset FROM tenant WHERE id = :tenant")

#: Tenants that are no sandbox. They never become one, so each process asks once.
_live: set[int] = set()


def now(session: Session) -> datetime:
    """The present instant for the tenant of `session`, in UTC.

    A live tenant's is the world's. A sandbox has a clock of its own, ahead of it: one read.
    """
    tenant_id: int = session.info["tenant_id"]
    if tenant_id in _live:
        return wall_clock()
    row = session.execute(_CLOCK, {"tenant": tenant_id}).one()
    if not row.sandbox:
        _live.add(tenant_id)
    at: datetime = wall_clock() + row.clock_offset
    return at


def is_live(tenant_id: int) -> bool:
    """Whether the tenant is known to live by the world's clock. See transaction.present."""
    return tenant_id in _live


def wall_clock() -> datetime:
    """The world's present instant, in UTC: for process health, keys, tokens, and across tenants.

    What is due across tenants is due by each one's own clock: compare with
    `:wall_clock + tenant.clock_offset`.
    """
    return datetime.now(UTC)
