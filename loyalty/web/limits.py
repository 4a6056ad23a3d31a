"""Rate limits, counted in Redis. With Redis away they are off, and a metric says so."""

from __future__ import annotations

import time
from functools import cache

import redis
from flask import Response, after_this_request
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty import metrics
from loyalty.config import config
from loyalty.errors import Problem
from loyalty.logs import logger
from loyalty.tenants.principal import Principal

_TIMEOUT_S = 0.1
_OPEN_S = 2.0  # how long the breaker keeps away from a Redis that failed
_MINUTE_S = 60

# The times of the last requests, oldest last: exact, and as long as the limit at most.
_TAKE = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local oldest = redis.call('LINDEX', KEYS[1], -1)
while oldest and tonumber(oldest) <= now - window do
  redis.call('RPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], -1)
end
local taken = redis.call('LLEN', KEYS[1])
local allowed = 0
if taken < limit then
  allowed = 1
  taken = taken + 1
  redis.call('LPUSH', KEYS[1], string.format('%.6f', now))
  redis.call('PEXPIRE', KEYS[1], window * 1000)
end
local wait = oldest and math.ceil(tonumber(oldest) + window - now) or window
return {allowed, limit - taken, wait}
"""

log = logger(__name__)


class RateLimited(Problem):
    """429: too many in too short a time."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"
    cure = "Wait for `Retry-After` seconds."

    def __init__(self, detail: str, wait_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = wait_s  # type: ignore[misc]  # this one depends on the moment


class Limiter:
    """Counts in Redis, and gives up quickly when it does not answer."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._take = self._redis.register_script(_TAKE)
        self._shut_until_s = 0.0

    def take(self, name: str, limit: int, window_s: int) -> tuple[bool, int, int] | None:
        """Whether one more is allowed, how many remain, in how many seconds there are more.

        None when Redis does not answer.
        """
        if time.monotonic() < self._shut_until_s:
            return None
        try:
            allowed, remaining, wait_s = self._take(keys=[f"limit:{name}"], args=[limit, window_s])
        except redis.RedisError as error:
            self._shut_until_s = time.monotonic() + _OPEN_S
            log.warning("rate limits are off", error=repr(error))
            return None
        return bool(allowed), int(remaining), int(wait_s)


@cache
def _limiter() -> Limiter:
    return Limiter(config().redis_url)


def limit(policy: str, subject: str, most: int, window_s: int = _MINUTE_S) -> None:
    """Counts one request of `subject` under `policy`. Raises RateLimited when it is one too many.

    The answer tells the state in `RateLimit` and `RateLimit-Policy`.
    """
    taken = _limiter().take(f"{policy}:{subject}", most, window_s)
    if taken is None:
        metrics.rate_limit_off()
        return
    allowed, remaining, wait_s = taken

    @after_this_request
    def tell(response: Response) -> Response:
        response.headers["RateLimit-Policy"] = f'"{policy}";q={most};w={window_s}'
        response.headers["RateLimit"] = f'"{policy}";r={remaining};t={wait_s}'
        return response

    if not allowed:
        raise RateLimited(f"At most {most} in {window_s} seconds are allowed.", wait_s)


def limit_requests(who: Principal) -> None:
    """The generous limit of each API key, where the setting has one. Raises RateLimited."""
    most_a_minute = config().api_key_requests_per_minute
    if most_a_minute and who.key_id is not None:
        limit("requests", str(who.key_id), most_a_minute)


def limit_burns(
    who: Principal, program_id: int, member_id: str, most_a_minute: int, *, servers: bool
) -> None:
    """The program's limit on burns of one member: for the member's own token, or for `servers` too.

    Call it before anything is locked. Raises RateLimited.
    """
    if most_a_minute and (servers or who.member_id is not None):
        limit("burns", f"{who.tenant_id}:{program_id}:{member_id}", most_a_minute)
