"""For those who watch: is the process up, may it have traffic, and how is the bank doing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import redis
from alembic.config import Config as Alembic
from alembic.script import ScriptDirectory
from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from loyalty import metrics
from loyalty.config import config
from loyalty.errors import Unavailable
from loyalty.transaction import across_tenants, transaction
from loyalty.web.auth import allow

_ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 0.25
_NOBODY = 0  # no tenant: sees no row of anybody
_QUEUES = ("award", "sweep", "time", "mail", "webhooks")

_REVISION = text("SELECT version_num FROM alembic_version")
_BACKLOG = text("""
    SELECT count(*) AS backlog,
           greatest(extract(epoch FROM clock_timestamp() - min(accepted_at)), 0)::float AS oldest_s
    FROM unsettled
""")
_BROKEN = text("SELECT broken FROM book_check")


class NotMigrated(Unavailable):
    """503: the tables are not those of this code."""

    code = "not_migrated"
    title = "The database is not migrated"
    cure = "Run `loyalty migrate`."


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        config().redis_url,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


@cache
def _head() -> str | None:
    return ScriptDirectory.from_config(Alembic(str(_ROOT / "alembic.ini"))).get_current_head()


def _healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


def _readyz() -> dict[str, str]:
    """Postgres answers and is migrated, so purchases can be accepted; how the rest is doing."""
    with transaction(_NOBODY) as session:  # as the role that takes the purchases
        revision = session.scalar(_REVISION)
    if revision != _head():
        raise NotMigrated(f"The database is at {revision}, the code at {_head()}.")
    return {"status": "ok", "postgres": "ok", **_around()}


def _around() -> dict[str, str]:
    """Redis, the workers and beat: purchases are accepted without them, and settled later."""
    try:
        beats = _redis().mget("loyalty:worker", "loyalty:heartbeat")
    except redis.RedisError:
        return dict.fromkeys(("redis", "worker", "beat"), "degraded")
    worker, beat = ("ok" if value else "degraded" for value in beats)
    return {"redis": "ok", "worker": worker, "beat": beat}


class _OfTheBank(Collector):
    """What the database and the queue know better than any one process."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges; those whose source does not answer are left out."""
        try:
            with across_tenants() as session:
                backlog = session.execute(_BACKLOG).one()
                broken = session.scalar(_BROKEN)
        except SQLAlchemyError:
            yield GaugeMetricFamily("loyalty_postgres_up", "Postgres answers.", 0)
        else:
            yield GaugeMetricFamily("loyalty_postgres_up", "Postgres answers.", 1)
            yield GaugeMetricFamily(
                "loyalty_intake_backlog", "Purchases accepted, not yet settled.", backlog.backlog
            )
            yield GaugeMetricFamily(
                "loyalty_oldest_unsettled_seconds", "Age of the oldest of them.", backlog.oldest_s
            )
            yield GaugeMetricFamily(
                "loyalty_broken_invariants", "What the audit found broken.", broken
            )
        yield from _queue_depths()


def _queue_depths() -> Iterator[GaugeMetricFamily]:
    depths = GaugeMetricFamily(
        "loyalty_queue_depth", "Celery messages that wait.", labels=["queue"]
    )
    try:
        for queue in _QUEUES:
            depths.add_metric([queue], float(_redis().llen(queue)))
    except redis.RedisError:
        return
    yield depths


def _metrics() -> Response:
    """Prometheus' text format, of all processes of this host together."""
    registry = metrics.registry()
    registry.register(_OfTheBank())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def install(app: Flask) -> None:
    """Serves /healthz, /readyz and /metrics."""
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", _readyz)
    view: Any = _metrics if config().metrics_open else allow("metrics.read")(_metrics)
    app.add_url_rule("/metrics", "metrics", view)
