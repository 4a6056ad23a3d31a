"""The only commit in the house (but for the group commit of intake), then the hand-over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from loyalty.db import Role, engine
from loyalty.outbox import handover


@contextmanager
def transaction(tenant_id: int) -> Iterator[Session]:
    """One request or one task of one tenant is one transaction; others hear only what is committed.

    What `handover.note` gathered in the session is handed over after the commit.
    """
    with Session(engine(Role.APP), autoflush=False, expire_on_commit=False) as session:
        with session.begin():
            session.info["tenant_id"] = tenant_id
            session.connection(execution_options={"tenant_id": tenant_id})  # see loyalty/db.py
            yield session
        handover.hand_over(session)  # never blocks, never raises; the sweep finds what it misses


@contextmanager
def across_tenants(*, snapshot: bool = False) -> Iterator[Session]:
    """A transaction of the system role, which sees every tenant and may change next to nothing.

    With `snapshot` all that it reads is of one instant.
    """
    with (
        Session(engine(Role.SYSTEM), autoflush=False, expire_on_commit=False) as session,
        session.begin(),
    ):
        if snapshot:
            session.connection(execution_options={"snapshot": True})
        yield session
