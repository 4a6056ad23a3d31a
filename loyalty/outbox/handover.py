"""Wake-ups: which purchases of which tenant wait for a worker, told after the commit.

A wake-up may be lost at any point; the purchase is in Postgres and the sweep finds it.
So this never blocks and never raises: a bounded queue, one thread, short timeouts, and a
circuit breaker for the time in which Redis does not answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.orm import Session


def note(session: Session, activity_ids: Iterable[UUID]) -> None:
    """Remembers in the session which activities are to be handed over after its commit."""
    session.info.setdefault("woken", []).extend(activity_ids)


def hand_over(session: Session) -> None:
    """Hands over what `note` gathered. Called by the transaction after its commit."""
    woken = session.info.pop("woken", None)
    if woken:
        wake(session.info["tenant_id"], woken)


def wake(tenant_id: int, activity_ids: Iterable[UUID]) -> None:
    """Queues a wake-up; the publishing thread sends it within about 20 ms, or drops it."""
    del tenant_id, activity_ids  # filled in with the publisher
