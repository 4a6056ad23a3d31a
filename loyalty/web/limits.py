"""Rate limits by Flask-Limiter, counted in Redis over a moving window.

With Redis away those on the way of points are off, and a metric says so; log-ins are then counted
in each process. A request that no limit concerns costs nothing: Flask-Limiter's own hooks, which
would look at each one, are left out, and what is counted is counted by name.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address

import redis
from flask import Flask, Response, after_this_request, g, request
from flask_limiter import Limiter, RateLimitExceeded
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty import metrics
from loyalty.config import config
from loyalty.errors import Problem
from loyalty.logs import logger
from loyalty.tenants.principal import Principal

_TIMEOUT_S = 0.1
_SHUT_S = 2.0  # how long a Redis that failed is left alone
_MINUTE_S = 60

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


@dataclass(frozen=True, slots=True)
class _Policy:
    """Of what, whose, how many in how many seconds: what is being counted now."""

    name: str
    subject: str
    most: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether one more was allowed, how many remain, and in how many seconds there are more."""

    allowed: bool
    remaining: int
    wait_s: int


class Counter:
    """Flask-Limiter, asked by name. `falls_back`: without Redis it counts in the process."""

    def __init__(self, *, falls_back: bool = False) -> None:
        self._limiter = Limiter(
            _subject,
            strategy="moving-window",
            key_prefix="loyalty",
            request_identifier=_any_request,
            in_memory_fallback_enabled=falls_back,
            headers_enabled=False,  # `RateLimit` as the IETF's draft has it is told below
        )
        self._count: Callable[[], None] = self._limiter.shared_limit(_amount, scope=_name)(_counted)
        self._limiter.logger.setLevel(logging.WARNING)  # a metric counts who is refused
        self._shut_until_s = 0.0

    def install(self, app: Flask, url: str) -> None:
        """Counts in the Redis at `url` from now on."""
        app.config["RATELIMIT_STORAGE_URI"] = url or "memory://"
        app.config["RATELIMIT_STORAGE_OPTIONS"] = _PATIENCE if url else {}
        app.extensions.setdefault("limiter", set()).add(self._limiter)  # so it adds no hooks
        self._limiter.init_app(app)
        self._shut_until_s = 0.0

    def take(self, name: str, subject: str, most: int, window_s: int) -> Taken | None:
        """Counts one of `subject`, within a request; None when Redis does not answer."""
        if time.monotonic() < self._shut_until_s:
            return None
        g.limit = _Policy(name, subject, most, window_s)
        try:
            allowed = self._is_allowed()
            state = self._limiter.current_limit
            if state is None:
                return None
            wait_s = math.ceil(state.window.reset_time - time.time())
            # A refused one that is looked at a moment later may find room again.
            remaining = state.remaining if allowed else 0
            return Taken(allowed, remaining, min(max(wait_s, 1), window_s))
        except redis.RedisError as error:
            self._shut_until_s = time.monotonic() + _SHUT_S
            log.warning("rate limits are off", error=repr(error))
            return None

    def _is_allowed(self) -> bool:
        try:
            self._count()
        except RateLimitExceeded:
            return False
        return True


_PATIENCE = {
    "socket_timeout": _TIMEOUT_S,
    "socket_connect_timeout": _TIMEOUT_S,
    "retry": Retry(NoBackoff(), 0),
}


def _policy() -> _Policy:
    return g.limit  # type: ignore[no-any-return]


def _subject() -> str:
    return _policy().subject


def _name(_: str) -> str:
    return _policy().name


def _amount() -> str:
    return f"{_policy().most} per {_policy().window_s} second"


def _any_request() -> str:
    return "any"


def _counted() -> None:
    """What Flask-Limiter guards."""


_OF_POINTS = Counter()
_OF_DOORS = Counter(falls_back=True)


def install(app: Flask) -> None:
    """Makes the limits ready."""
    for counter in (_OF_POINTS, _OF_DOORS):
        counter.install(app, config().redis_url)


def limit(
    name: str, subject: str, most: int, window_s: int = _MINUTE_S, *, by: Counter = _OF_POINTS
) -> None:
    """Counts one request of `subject` under the policy `name`. Raises RateLimited when it is one
    too many.

    The answer tells the state in `RateLimit` and `RateLimit-Policy`.
    """
    taken = by.take(name, subject, most, window_s)
    if taken is None:
        metrics.rate_limit_off()
        return

    @after_this_request
    def tell(response: Response) -> Response:
        _add(response, "RateLimit-Policy", f'"{name}";q={most};w={window_s}')
        _add(response, "RateLimit", f'"{name}";r={taken.remaining};t={taken.wait_s}')
        return response

    if not taken.allowed:
        metrics.rate_limited(name)
        raise RateLimited(f"At most {most} in {window_s} seconds are allowed.", taken.wait_s)


def _add(response: Response, header: str, item: str) -> None:
    before = response.headers.get(header)
    response.headers[header] = item if before is None else f"{before}, {item}"


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


def limit_earns(who: Principal, program_id: int, most_a_minute: int) -> None:
    """The program's limit on what a member posts with their own token. Raises RateLimited."""
    if most_a_minute:
        limit("earns", f"{who.tenant_id}:{program_id}:{who.member_id}", most_a_minute)


def limit_log_ins() -> None:
    """So many tries a minute from one address, and without Redis too. Raises RateLimited."""
    if most_a_minute := config().log_ins_per_minute:
        limit("log-ins", caller(), most_a_minute, by=_OF_DOORS)


def caller() -> str:
    """The address that calls; of IPv6 the network, for each customer has a whole one.

    One of IPv4 is itself, also as a socket of both writes it: all of those are one network.
    """
    told = request.remote_addr or "unknown"
    try:
        address = ip_address(told)
    except ValueError:
        return told
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((int(address), 64), strict=False))
    return str(address)
