"""Valkey is killed while the worker has purchases in hand: the worker must outlive that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

import psycopg2
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.faults.load import Load
from tests.faults.rig import Rig
from tests.stack import until

_AWARDED = text("SELECT count(*) FROM award WHERE tenant_id = :tenant")


def kill_valkey_with_purchases_in_hand(rig: Rig, count: int) -> None:
    """As many messages in hand: one of two processes of the worker, or both."""
    worker, tenant = rig.stack.worker, rig.stack.tenant()
    before = worker.pid
    with Load(rig.urls, tenant, tills=0, burners=0) as shop:
        with _accounts_locked(rig):
            for number in range(1, count + 1):
                shop.buy_once(f"m{number}")
                until(partial(_somebody_waits, rig, number), "a worker to wait for the account")
            with rig.without_valkey():
                pass
            rig.wait(worker)
        with Session(rig.stack.system) as session:
            until(lambda: _awarded(session, tenant.id) == count, "the awards", within_s=30)
    assert worker.process is not None
    assert (worker.pid, worker.process.poll()) == (before, None)


@contextlib.contextmanager
def _accounts_locked(rig: Rig) -> Iterator[None]:
    connection = psycopg2.connect(rig.servers.postgres.superuser_url(rig.servers.database))
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM account FOR UPDATE")
        yield
    connection.close()


def _somebody_waits(rig: Rig, count: int) -> bool:
    return _waiting(rig) == count


def _waiting(rig: Rig) -> int:
    connection = psycopg2.connect(rig.servers.postgres.superuser_url())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        [waiting] = cursor.fetchone() or [0]
    connection.close()
    return int(waiting)


def _awarded(session: Session, tenant_id: int) -> int:
    with session.begin():
        return session.scalar(_AWARDED, {"tenant": tenant_id}) or 0
