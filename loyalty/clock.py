"""The only clock. One operation asks once and passes the answer on."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session


def now(session: Session) -> datetime:
    """The present instant for the tenant of `session`, in UTC."""
    del session  # a sandbox tenant will have a clock of its own
    return datetime.now(UTC)


def wall_clock() -> datetime:
    """The present instant where no tenant is involved (process health, token expiry), in UTC."""
    return datetime.now(UTC)
