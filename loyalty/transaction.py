"""The only commit in the house (but for the group commit of intake), then the hand-over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any, cast

import psycopg2
from psycopg2.extensions import cursor
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from loyalty.clock import is_live, now, wall_clock
from loyalty.db import Role, engine
from loyalty.errors import Unavailable
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
def undone(tenant_id: int) -> Iterator[Session]:
    """A transaction of which nothing stays: a dry run is the act itself, taken back."""
    with Session(engine(Role.APP), autoflush=False, expire_on_commit=False) as session:
        session.info["tenant_id"] = tenant_id
        session.connection(execution_options={"tenant_id": tenant_id})
        yield session  # closing it rolls back


@contextmanager
def snapshot(tenant_id: int) -> Iterator[Session]:
    """A transaction that only reads, and all of it as it stood at one instant."""
    with Session(engine(Role.APP), autoflush=False, expire_on_commit=False) as session:
        session.info["tenant_id"] = tenant_id
        session.connection(execution_options={"tenant_id": tenant_id, "snapshot": True})
        yield session  # closing it ends it


def present(tenant_id: int) -> datetime:
    """What `clock.now` says, for who holds no session: only a sandbox is asked for its clock."""
    if is_live(tenant_id):
        return wall_clock()
    with transaction(tenant_id) as session:
        return now(session)


def read_row(
    tenant_id: int, statement: str, values: Mapping[str, object]
) -> tuple[Any, ...] | None:
    """The one row of a statement that only reads; None if there is none. See `read_rows`."""
    rows = read_rows(tenant_id, statement, values)
    return rows[0] if rows else None


def read_rows(
    tenant_id: int, statement: str, values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """All rows of a statement that only reads, as the driver tells them.

    Whose they are and the statement travel together and are one transaction: a fifth of what a
    session costs, for what apps ask all day. Raises Unavailable when Postgres does not answer.
    """
    try:
        with _cursor() as its:
            its.execute(f"SET LOCAL loyalty.tenant = {int(tenant_id)}; {statement}", values)
            return its.fetchall()
    except (OperationalError, psycopg2.OperationalError) as error:
        raise Unavailable("The database did not answer in time.") from error


def write_rows(
    tenant_id: int, statement: str, values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """All rows of the one statement of a transaction; what it wrote is committed with it.

    Whose it is, the statement and the commit are one round trip. Raises what the driver raises;
    nothing is handed over.
    """
    with _cursor() as its:
        its.execute(f"SET LOCAL loyalty.tenant = {int(tenant_id)}; {statement}", values)
        return its.fetchall()


class Brief:
    """The statements of a transaction of two round trips; see loyalty.db.Statements."""

    def __init__(self, tenant_id: int, its: cursor) -> None:
        self.tenant_id = tenant_id
        self._cursor = its
        self._begin = f"BEGIN; SET LOCAL loyalty.tenant = {int(tenant_id)}; "

    def rows(self, statement: str, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """All rows that the statement returns; the first one travels with its BEGIN."""
        self._send(self._begin + statement, values)
        self._begin = ""
        return self._cursor.fetchall()

    def end(self, statement: str, values: Mapping[str, object]) -> None:
        """The last statement, and the commit: both or neither."""
        self._send(f"{statement}; COMMIT", values)

    def _send(self, statement: str, values: Mapping[str, object]) -> None:
        try:
            self._cursor.execute(statement, values)
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise OperationalError(statement, None, error) from error  # as a session tells it


@contextmanager
def brief(tenant_id: int) -> Iterator[Brief]:
    """A transaction without a session, for a burn: half the round trips, a third of the work.

    Undone unless its `end` was called. Nothing is handed over after it.
    """
    with _cursor() as its:
        yield Brief(tenant_id, its)


@contextmanager
def _cursor() -> Iterator[cursor]:
    """A pooled connection as the driver has it. What it has begun and not ended is undone.

    Raises OperationalError, as a session does, when there is no connection, or none any more.
    """
    connection = None
    try:
        connection = engine(Role.APP).raw_connection()
        with closing(connection.cursor()) as its:
            yield cast("cursor", its)
    except psycopg2.Error as error:
        if error.pgcode is None:  # Postgres said nothing: it is the connection
            raise OperationalError("", None, error) from error
        raise
    finally:
        if connection is not None:
            if connection.closed:  # and so are the others in the pool: Postgres was restarted
                connection.invalidate()
                engine(Role.APP).dispose()
            connection.close()


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
