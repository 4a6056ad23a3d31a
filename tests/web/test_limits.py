"""Limits are exact in Redis, and off without it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from flask import Flask, Response
from prometheus_client import generate_latest

from loyalty import metrics
from loyalty.config import config
from loyalty.tenants.principal import Principal
from loyalty.tenants.roles import Role
from loyalty.web import limits
from loyalty.web.limits import Limiter, RateLimited, limit, limit_burns, limit_requests


def _subject() -> str:
    return uuid4().hex


def test_one_too_many_is_told_when_to_come_again() -> None:
    limiter, subject = Limiter(config().redis_url), _subject()
    assert [limiter.take(subject, 3, 60) for _ in range(4)] == [
        (True, 2, 60),
        (True, 1, 60),
        (True, 0, 60),
        (False, 0, 60),
    ]


def test_each_subject_has_its_own() -> None:
    limiter = Limiter(config().redis_url)
    assert limiter.take(_subject(), 1, 60) == (True, 0, 60)
    assert limiter.take(_subject(), 1, 60) == (True, 0, 60)


def test_room_comes_back_as_the_window_moves_on() -> None:
    limiter, subject = Limiter(config().redis_url), _subject()
    assert limiter.take(subject, 1, 1) == (True, 0, 1)
    assert limiter.take(subject, 1, 1) == (False, 0, 1)
    deadline = time.monotonic() + 5
    while (taken := limiter.take(subject, 1, 1)) == (False, 0, 1):
        assert time.monotonic() < deadline
    assert taken == (True, 0, 1)


def test_many_at_once_get_exactly_as_many_as_there_are() -> None:
    limiter, subject = Limiter(config().redis_url), _subject()
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: limiter.take(subject, 5, 60), range(40)))
    assert sum(one is not None and one[0] for one in taken) == 5


def test_without_redis_nobody_is_limited_nor_waits(app: Flask) -> None:
    limiter = Limiter("redis://127.0.0.1:1/0")
    assert [limiter.take("x", 0, 60) for _ in range(3)] == [None, None, None]


def test_that_limits_are_off_is_counted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_limiter", lambda: Limiter("redis://127.0.0.1:1/0"))
    before = _counted()
    with app.test_request_context():
        limit("burns", "x", 0)
    assert _counted() == before + 1


def _counted() -> float:
    text = generate_latest(metrics.registry()).decode()
    lines = [line for line in text.splitlines() if line.startswith("loyalty_rate_limit_off_total")]
    return float(lines[0].split()[1]) if lines else 0.0


@pytest.mark.parametrize(
    ("role", "servers", "limited"),
    [
        (Role.MEMBER, False, True),
        (Role.SERVER, False, False),
        (Role.SERVER, True, True),
    ],
)
def test_whose_burns_are_limited(app: Flask, role: Role, servers: bool, limited: bool) -> None:
    member = _subject()
    who = Principal(1, role, "x", member if role is Role.MEMBER else None)
    with app.test_request_context():
        limit_burns(who, 7, member, 1, servers=servers)
        if limited:
            with pytest.raises(RateLimited) as refused:
                limit_burns(who, 7, member, 1, servers=servers)
            assert refused.value.retry_after_s == 60
        else:
            limit_burns(who, 7, member, 1, servers=servers)


def test_a_key_is_limited_where_the_setting_says_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, person = (Principal(1, Role.SERVER, "x", key_id=key) for key in (uuid4(), None))
    with app.test_request_context():
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


def test_a_limit_of_none_is_none(app: Flask) -> None:
    with app.test_request_context():
        for _ in range(3):
            limit_burns(Principal(1, Role.MEMBER, "x", "m"), 7, "m", 0, servers=True)


def test_the_answer_tells_the_state(app: Flask) -> None:
    with app.test_request_context():
        limit("burns", _subject(), 5)
        told = app.process_response(Response())
    assert told.headers["RateLimit-Policy"] == '"burns";q=5;w=60'
    assert told.headers["RateLimit"] == '"burns";r=4;t=60'


def test_a_redis_that_swallows_what_it_is_sent_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limiter = Limiter(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began_s = time.monotonic()
        assert [limiter.take("x", 5, 60) for _ in range(20)] == [None] * 20
    assert time.monotonic() - began_s < 1.5
