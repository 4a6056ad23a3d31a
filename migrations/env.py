"""Alembic's entry: runs as the owner of the tables, never as the application."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import BigInteger, String, Text, create_engine, text
from sqlalchemy.dialects.postgresql import DOMAIN

from loyalty.db import Base

_ONE_MIGRATOR_AT_A_TIME = 7_203_411
#: Written in SQL; models hold what code uses.
_IN_SQL_ALONE = {"index", "foreign_key_constraint", "unique_constraint"}
_TABLES_IN_SQL_ALONE = {"book_check", "replay_check"}


def _is_compared(_object: Any, name: str | None, kind: str, reflected: bool, _to: Any) -> bool:
    return not (reflected and (kind in _IN_SQL_ALONE or name in _TABLES_IN_SQL_ALONE))


def _types_differ(_context: Any, _in: Any, _of: Any, found: Any, wanted: Any) -> bool | None:
    """A `str` is a text, and `points` a bigint that knows its limits; for others Alembic says."""
    if isinstance(found, DOMAIN):
        found = found.data_type
    for kind, same in ((Text, String), (BigInteger, BigInteger)):
        if isinstance(found, kind) and isinstance(wanted, same):
            return False
    return None


def run() -> None:
    """Runs the migrations on the connection's one transaction, one migrator at a time."""
    url = context.config.attributes["url"]
    engine = create_engine(url)
    with engine.connect() as connection, connection.begin():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_MIGRATOR_AT_A_TIME})"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=_types_differ,
            include_object=_is_compared,
        )
        context.run_migrations()
    engine.dispose()


run()
