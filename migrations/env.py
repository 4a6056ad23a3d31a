"""Alembic's entry: runs as the owner of the tables, never as the application."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from loyalty.db import Base

_ONE_MIGRATOR_AT_A_TIME = 7_203_411


def run() -> None:
    """Runs the migrations on the connection's one transaction, one migrator at a time."""
    url = context.config.attributes["url"]
    engine = create_engine(url)
    with engine.connect() as connection, connection.begin():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_MIGRATOR_AT_A_TIME})"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            include_object=lambda _object, _name, kind, reflected, _to: not (
                # Partial and expression indices are written in SQL; models hold what code uses.
                kind in {"index", "foreign_key_constraint"} and reflected
            ),
        )
        context.run_migrations()
    engine.dispose()


run()
