"""Tasks for those who watch: is a worker there, is beat ticking, are old keys gone."""

from __future__ import annotations

import re
from contextlib import suppress

import redis
from celery import shared_task
from celery.signals import heartbeat_sent
from celery.worker.heartbeat import Heart

from loyalty.book import audit_touched as book
from loyalty.clock import wall_clock
from loyalty.idempotency.forget import forget_old
from loyalty.logs import logger
from loyalty.tasks.queue import client
from loyalty.transaction import across_tenants

log = logger(__name__)


@shared_task(name="ops.canary")
def canary(token: str) -> None:
    """Goes the way of a purchase's wake-up and says so under `loyalty:canary:<token>`."""
    client().set(f"loyalty:canary:{token}", "1", ex=60)


@shared_task(name="ops.heartbeat")
def heartbeat() -> None:
    """Sent by beat, run by the sweeper: both live if the key is young."""
    client().set("loyalty:heartbeat", wall_clock().isoformat(), ex=30)


@heartbeat_sent.connect
def say_who_lives(sender: Heart, **_: object) -> None:
    """Every two seconds each worker says that it lives: `loyalty:worker`, `loyalty:sweeper`."""
    name = re.split("[-@]", sender.eventer.hostname)[0]  # type: ignore[attr-defined]
    with suppress(redis.RedisError):
        client().set(f"loyalty:{name}", wall_clock().isoformat(), ex=30)


@shared_task(name="ops.audit_touched")
def audit_touched() -> None:
    """Audits the accounts that were touched since the last tick; what is broken stands in
    `book_check`, in the metrics and in the log."""
    with across_tenants() as session:
        broken = book.audit_touched(session, wall_clock())
    for one in broken or ():
        log.error("the book is broken", program=one.program, row=one.row, invariant=one.invariant)


@shared_task(name="ops.forget_keys")
def forget_keys() -> None:
    """Forgets idempotency keys that are older than their 30 days."""
    with across_tenants() as session:
        forget_old(session, wall_clock())
