"""Points this process at other servers for a while, as if it had been started with their URLs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from uuid import uuid4

import psycopg2

from loyalty.config import config
from loyalty.db import Role, engine, made_engine
from loyalty.embedded.postgres import APP, OWNER, SYSTEM
from loyalty.outbox import handover
from loyalty.tasks import in_hand, queue
from tests.servers import TEMPLATE, Own, create_database
from tests.stack import until

_NUMBERS = count(1_000_000, 100_000)  # of tenants: no two databases share one
_REMEMBERED = (
    config,
    in_hand.client,
    queue.client,
    handover.producer,
    handover.made_publisher,
    made_engine,
)


@contextmanager
def redis_at(url: str) -> Iterator[None]:
    """Another Redis, or none at all."""
    with _environment({"REDIS_URL": url}):
        yield


@contextmanager
def database_alone(own: Own) -> Iterator[str]:
    """A database (its name) and a Redis in which no worker or sweeper of other tests is about."""
    name = f"alone_{uuid4().hex}"
    create_database(own.postgres, name, template=TEMPLATE)
    _count_tenants_from(own, name, next(_NUMBERS))
    roles = {"": APP, "_OWNER": OWNER, "_SYSTEM": SYSTEM}
    urls = {f"DATABASE{which}_URL": own.postgres.url(role, name) for which, role in roles.items()}
    with _environment({**urls, "REDIS_URL": own.valkey.url(1)}):
        yield name
    connection = psycopg2.connect(own.postgres.superuser_url())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


def _count_tenants_from(own: Own, database: str, number: int) -> None:
    """What this process remembers of a tenant by its number is of no tenant here."""
    connection = psycopg2.connect(own.postgres.superuser_url(database))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT setval('tenant_id_seq', %s)", (number,))
    connection.close()


def end_the_connection_that_waits(own: Own, database: str) -> None:
    """Of the application, for a lock; other databases of the same server are left in peace."""
    connection = psycopg2.connect(own.postgres.superuser_url())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:

            def ended() -> bool:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                    " AND usename = %s AND wait_event_type = 'Lock'",
                    (database, APP),
                )
                return cursor.rowcount == 1

            until(ended, "a worker that waits for the account")
    finally:
        connection.close()


@contextmanager
def _environment(changed: Mapping[str, str]) -> Iterator[None]:
    """All that is remembered of the old one is forgotten, before and after."""
    before = {name: os.environ[name] for name in changed}
    try:
        os.environ.update(changed)
        _forget()
        yield
    finally:
        os.environ.update(before)
        _forget()


def _forget() -> None:
    for role in Role:
        engine(role).dispose()
    sys.modules.pop("celeryconfig", None)
    for one in _REMEMBERED:
        one.cache_clear()
