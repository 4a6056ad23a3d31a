"""kombu's way to Redis, mended: a worker outlives an absence of Redis and sees its end soon.

With a message in hand, kombu 5.7 gives back or acknowledges it on a channel whose connection is
gone, and trips over None there: the worker ends. It does expect connection errors in both places.
And it looks for a Redis that is away ever more seldom, up to 30 seconds apart.
"""

from __future__ import annotations

from typing import Any

import kombu
import redis
from celery.app.amqp import AMQP
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis

LOOK_EVERY_S = 2


class Channel(kombu_redis.Channel):
    """Says that the connection is lost where kombu's own stumbles."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise redis.ConnectionError("The connection to the broker was lost.")
        found: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return found


class Transport(kombu_redis.Transport):
    """What `redis://` and `rediss://` mean to Celery."""

    Channel = Channel


class Connection(kombu.Connection):
    """Looks for Redis again and again at the same pace."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Waits until there is a connection."""
        return super().ensure_connection(*args, **{"interval_max": LOOK_EVERY_S, **kwargs})


class Mended(AMQP):
    """What the Celery app builds its connections with."""

    Connection = Connection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for scheme in ("redis", "rediss"):
            TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
        super().__init__(*args, **kwargs)
