"""What the broker says of its queues."""

from __future__ import annotations

from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.config import config


@cache
def client() -> redis.Redis:
    """The worker's own connection to Redis; it waits for a second and does not try again."""
    return redis.Redis.from_url(
        config().redis_url,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )


def depth(queue: str) -> int | None:
    """Messages that wait in a queue, or None when Redis does not answer."""
    try:
        return int(client().llen(queue))
    except redis.RedisError:
        return None
