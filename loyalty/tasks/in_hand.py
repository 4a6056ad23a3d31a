"""Which purchases some worker has in hand: Redis SET NX keys with a short life.

They spare work and only ever skip: a key lost or wrong costs a sweep, never a point. What
counts is the row lock of the claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.config import config

LIFE_S = 5
_TAKE = """
local mine = {}
for i, key in ipairs(KEYS) do
  if redis.call('SET', key, ARGV[1], 'NX', 'EX', ARGV[2]) or redis.call('GET', key) == ARGV[1] then
    mine[#mine + 1] = i - 1
  end
end
return mine
"""
_LEAVE = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
"""


@cache
def client() -> redis.Redis:
    """A connection that gives up soon, and at once: the library would try ten times more."""
    return redis.Redis.from_url(
        config().redis_url,
        socket_timeout=0.25,
        socket_connect_timeout=0.25,
        retry=Retry(NoBackoff(), 0),
    )


def _keys(tenant_id: int, ids: Sequence[str]) -> list[str]:
    return [f"loyalty:in-hand:{tenant_id}:{one}" for one in ids]


def take(tenant_id: int, ids: Sequence[str], owner: str) -> list[str]:
    """Those of `ids` that nobody else has in hand; all of them when Redis does not answer."""
    try:
        mine = client().eval(_TAKE, len(ids), *_keys(tenant_id, ids), owner, str(LIFE_S))
    except redis.RedisError:
        return list(ids)
    return [ids[number] for number in mine]


def leave(tenant_id: int, ids: Sequence[str], owner: str) -> None:
    """Gives back what was taken, after a rollback, so that a re-send need not wait."""
    try:
        client().eval(_LEAVE, len(ids), *_keys(tenant_id, ids), owner)
    except redis.RedisError:
        return
