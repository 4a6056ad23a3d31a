"""Engines, one per role, and the base of the models. Who begins and commits: transaction.py."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

import orjson
import psycopg2
import psycopg2.extensions
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session

from loyalty.config import config

#: Bounded waits: a stuck statement must not hold a till for longer than this.
_APP_TIMEOUTS = (
    "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s"
)
_SYSTEM_TIMEOUTS = "-c statement_timeout=600s -c idle_in_transaction_session_timeout=60s"
#: On a server of one's own JIT is on, and compiles the audit's questions for a hundred times as
#: long as they take.
_NO_JIT = "-c jit=off"


class Role(StrEnum):
    """The database roles; what each may do stands in migrations/versions/."""

    APP = "loyalty_app"  # one tenant at a time, behind row-level security
    SYSTEM = "loyalty_system"  # sees across tenants: sweep, audit, look-up of keys and issuers


class Base(DeclarativeBase):
    """The base of every room's models."""

    metadata = MetaData()


class Statements(Protocol):
    """One tenant's transaction in which few statements are made, written as the driver takes them.

    It is a session's, or one of two round trips: see transaction.brief.
    """

    tenant_id: int

    def rows(self, statement: str, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """All rows that the statement returns."""

    def end(self, statement: str, values: Mapping[str, object]) -> None:
        """The last statement; where it can, the commit travels with it."""


class InSession:
    """The statements of a session, which whoever opened it commits."""

    def __init__(self, session: Session) -> None:
        self.tenant_id: int = session.info["tenant_id"]
        self._session = session

    def rows(self, statement: str, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """All rows that the statement returns."""
        return self._session.connection().exec_driver_sql(statement, dict(values)).all()

    def end(self, statement: str, values: Mapping[str, object]) -> None:
        """The last statement of what is done; others may follow."""
        self._session.connection().exec_driver_sql(statement, dict(values))


def _url(role: Role) -> str:
    settings = config()
    text = settings.database_url if role is Role.APP else settings.database_system_url
    url = make_url(text.replace("postgres://", "postgresql://", 1))
    return url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


class _PlainConnection(psycopg2.extensions.connection):
    """A connection that begins when it is told to, not by itself before the next statement.

    psycopg2 sends its own BEGIN as a round trip of its own; here it travels together with the
    name of the tenant. Ends a transaction only where there is one.
    """

    def __init__(self, dsn: str, **more: Any) -> None:
        super().__init__(dsn, **more)
        self.autocommit = True

    def commit(self) -> None:
        """Ends the transaction; what has failed cannot be committed."""
        if self.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INERROR:
            raise psycopg2.InterfaceError("the transaction has failed and cannot be committed")
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undoes the transaction."""
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            with self.cursor() as cursor:
                cursor.execute(how)


def _begin(connection: Connection) -> None:
    """BEGIN, and whose transaction it is, in one round trip. See transaction.py."""
    options = connection.get_execution_options()
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ" if options.get("snapshot") else "BEGIN"
    tenant_id = options.get("tenant_id")
    whose = "" if tenant_id is None else f"; SET LOCAL loyalty.tenant = '{int(tenant_id)}'"
    connection.exec_driver_sql(begin + whose)


_MAKING = threading.Lock()


def engine(role: Role) -> Engine:
    """The engine whose connections act as `role`. Made on first use, so after a fork.

    Of a burst of requests that are the first of their process, one makes it: else each had a pool.
    """
    with _MAKING:
        return made_engine(role)


@cache
def made_engine(role: Role) -> Engine:
    """What `engine` keeps; call that."""
    timeouts = _APP_TIMEOUTS if role is Role.APP else _SYSTEM_TIMEOUTS
    made = create_engine(
        _url(role),
        pool_size=config().pool_size,
        max_overflow=0,
        pool_timeout=config().pool_timeout_s,
        pool_use_lifo=True,
        hide_parameters=True,  # values of members and keys do not belong in logs
        json_deserializer=orjson.loads,
        connect_args={
            "connection_factory": _PlainConnection,
            "options": f"-c role={role.value} -c timezone=UTC {_NO_JIT} {timeouts}",
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "application_name": "loyalty",
        },
    )
    event.listen(made, "begin", _begin)
    return made
