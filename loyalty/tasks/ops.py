"""Tasks for those who watch: is a worker there, is beat ticking, are old keys gone."""

from __future__ import annotations

from celery import shared_task

from loyalty.clock import wall_clock
from loyalty.tasks.queue import client


@shared_task(name="ops.canary")
def canary(token: str) -> None:
    """Goes the way of a purchase's wake-up and says so under `loyalty:canary:<token>`."""
    client().set(f"loyalty:canary:{token}", "1", ex=60)


@shared_task(name="ops.heartbeat")
def heartbeat() -> None:
    """Sent by beat, run by the sweeper: both live if the key is young."""
    client().set("loyalty:heartbeat", wall_clock().isoformat(), ex=30)
