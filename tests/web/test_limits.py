"""Limits are exact in Redis, and off without it; log-ins are limited all the same."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
import redis
from flask import Flask, Response
from flask.testing import FlaskClient
from prometheus_client import generate_latest

from loyalty import metrics
from loyalty.clock import wall_clock
from loyalty.config import config
from loyalty.tenants.principal import Principal
from loyalty.tenants.roles import Role
from loyalty.web import limits
from loyalty.web.limits import Counter, RateLimited, Taken, limit, limit_burns, limit_requests
from tests.tenant import TestTenant

_NOBODY = "redis://127.0.0.1:1/0"


def _subject() -> str:
    return uuid4().hex


@pytest.fixture
def counter(app: Flask) -> Counter:
    """Counts in this worker's Redis."""
    made = Counter()
    made.install(app, config().redis_url)
    return made


def _away(app: Flask, *, falls_back: bool = False) -> Counter:
    made = Counter(falls_back=falls_back)
    made.install(app, _NOBODY)
    return made


@pytest.fixture
def request_context(app: Flask) -> Iterator[None]:
    """A request is at work."""
    with app.test_request_context():
        yield


pytestmark = pytest.mark.usefixtures("request_context")


def test_one_too_many_is_told_when_to_come_again(counter: Counter) -> None:
    subject = _subject()
    assert [counter.take("x", subject, 3, 60) for _ in range(4)] == [
        Taken(True, 2, 60),
        Taken(True, 1, 60),
        Taken(True, 0, 60),
        Taken(False, 0, 60),
    ]


def test_each_subject_and_each_policy_has_its_own(counter: Counter) -> None:
    one, other = _subject(), _subject()
    for name, subject in (("x", one), ("x", other), ("y", one)):
        assert counter.take(name, subject, 1, 60) == Taken(True, 0, 60)


def test_room_comes_back_as_the_window_moves_on(counter: Counter) -> None:
    subject = _subject()
    taken = counter.take("x", subject, 1, 3)
    assert taken is not None
    assert (taken.allowed, taken.remaining) == (True, 0)
    refused, deadline = 0, time.monotonic() + 20
    while (taken := counter.take("x", subject, 1, 3)) is not None and not taken.allowed:
        refused += 1
        assert time.monotonic() < deadline
    assert taken is not None
    assert refused


def test_many_at_once_get_exactly_as_many_as_there_are(app: Flask, counter: Counter) -> None:
    subject = _subject()

    def take(_: int) -> Taken | None:
        with app.test_request_context():
            return counter.take("x", subject, 5, 60)

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(take, range(40)))
    assert sum(one is not None and one.allowed for one in taken) == 5


def test_without_redis_nobody_is_limited_nor_waits(app: Flask) -> None:
    counter = _away(app)
    assert [counter.take("x", "x", 0, 60) for _ in range(3)] == [None, None, None]


def test_without_redis_log_ins_are_counted_in_the_process(app: Flask) -> None:
    counter, subject = _away(app, falls_back=True), _subject()
    taken = [counter.take("log-ins", subject, 2, 60) for _ in range(3)]
    assert [one is not None and one.allowed for one in taken] == [True, True, False]


def test_that_limits_are_off_is_counted(app: Flask) -> None:
    before = _counted("loyalty_rate_limit_off_total")
    limit("burns", "x", 0, by=_away(app))
    assert _counted("loyalty_rate_limit_off_total") == before + 1


def test_who_was_one_too_many_is_counted() -> None:
    sample = 'loyalty_rate_limited_total{policy="burns"}'
    before, subject = _counted(sample), _subject()
    limit("burns", subject, 1)
    for _ in range(2):
        with pytest.raises(RateLimited):
            limit("burns", subject, 1)
    assert _counted(sample) == before + 2


def _counted(sample: str) -> float:
    text = generate_latest(metrics.registry()).decode()
    lines = [line for line in text.splitlines() if line.startswith(sample)]
    return float(lines[0].split()[1]) if lines else 0.0


@pytest.mark.parametrize(
    ("role", "servers", "limited"),
    [
        (Role.MEMBER, False, True),
        (Role.SERVER, False, False),
        (Role.SERVER, True, True),
    ],
)
def test_whose_burns_are_limited(role: Role, servers: bool, limited: bool) -> None:
    member = _subject()
    who = Principal(1, role, "x", member if role is Role.MEMBER else None)
    limit_burns(who, 7, member, 1, servers=servers)
    if limited:
        with pytest.raises(RateLimited) as refused:
            limit_burns(who, 7, member, 1, servers=servers)
        assert refused.value.retry_after_s == 60
    else:
        limit_burns(who, 7, member, 1, servers=servers)


def test_a_key_is_limited_where_the_setting_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    server, person = (Principal(1, Role.SERVER, "x", key_id=key) for key in (uuid4(), None))
    for _ in range(5):
        limit_requests(server)  # off
    few = replace(config(), api_key_requests_per_minute=2)
    monkeypatch.setattr(limits, "config", lambda: few)
    for _ in range(2):
        limit_requests(server)
    with pytest.raises(RateLimited):
        limit_requests(server)
    for _ in range(5):
        limit_requests(person)


def test_a_limit_of_none_is_none() -> None:
    for _ in range(3):
        limit_burns(Principal(1, Role.MEMBER, "x", "m"), 7, "m", 0, servers=True)


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ],
)
def test_who_calls(app: Flask, told: str, counted: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": told}):
        assert limits.caller() == counted


def test_the_answer_tells_the_state(app: Flask) -> None:
    limit("requests", _subject(), 9)
    limit("burns", _subject(), 5)
    told = app.process_response(Response())
    assert told.headers["RateLimit-Policy"] == '"requests";q=9;w=60, "burns";q=5;w=60'
    assert told.headers["RateLimit"] == '"requests";r=8;t=60, "burns";r=4;t=60'


def test_a_redis_that_swallows_what_it_is_sent_holds_nobody_up(app: Flask) -> None:
    counter = Counter()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        counter.install(app, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began_s = time.monotonic()
        assert [counter.take("x", "x", 5, 60) for _ in range(20)] == [None] * 20
    assert time.monotonic() - began_s < 1.5


def test_what_no_limit_concerns_asks_redis_nothing(client: FlaskClient, tenant: TestTenant) -> None:
    """A purchase over the whole app, with every limit as `loyalty up` has it: not one command."""
    headers = tenant.headers("server")
    made = client.post(
        "/v1/programs", headers=tenant.headers(), json={"slug": "wine", "name": "Wine"}
    )
    assert made.status_code == 201, made.text

    def buy(number: int) -> int:
        told = {
            "source": "till",
            "transaction_id": str(number),
            "member_id": "ann",
            "amount": "1",
            "currency": "USD",
            "occurred_at": wall_clock().isoformat(),
        }
        return client.post("/v1/programs/wine/earns", headers=headers, json=told).status_code

    assert buy(0) == 202
    with redis.Redis.from_url(config().redis_url) as own, own.monitor() as monitor:
        assert [buy(number) for number in range(1, 6)] == [202] * 5
        own.set("the-end", "1")
        asked: list[str] = []
        while "the-end" not in (command := monitor.next_command()["command"]):
            if not command.startswith("LPUSH award "):  # a wake-up tells Celery's own time limits
                asked.append(command)
    assert [command for command in asked if "limit" in command.lower()] == []


def test_flask_limiter_looks_at_no_request_by_itself(app: Flask) -> None:
    """Its hooks would cost every purchase; here only what is to be counted is."""
    hooks = [*app.before_request_funcs.get(None, []), *app.after_request_funcs.get(None, [])]
    assert [hook for hook in hooks if "limit" in f"{getattr(hook, '__module__', hook)}"] == []
