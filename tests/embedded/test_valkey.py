"""The broker of our own: private, append-only, and back on the same port."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from loyalty.embedded import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def test_it_keeps_messages_and_forgets_none_for_memory(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url(), decode_responses=True) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_it_lets_in_only_who_knows_the_password(valkey: Valkey) -> None:
    host = valkey.url().partition("@")[2]
    with (
        redis.Redis.from_url(f"redis://{host}") as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_after_a_kill_it_is_back_on_its_port_with_what_it_held(valkey: Valkey) -> None:
    url = valkey.url()
    with redis.Redis.from_url(url) as client:
        client.config_set("appendfsync", "always")
        client.set("held", "yes")
    assert valkey.process is not None
    os.kill(valkey.process.pid, signal.SIGKILL)
    valkey.process.wait()
    valkey.start()
    assert valkey.url() == url
    with redis.Redis.from_url(url) as client:
        assert client.get("held") == b"yes"


def test_the_server_of_a_killed_stack_is_stopped_first(valkey: Valkey) -> None:
    second = Valkey(valkey.folder)
    second.start()
    try:
        assert valkey.process is not None
        assert valkey.process.wait(10) == 0
        with redis.Redis.from_url(second.url()) as client:
            assert client.ping()
    finally:
        second.stop()
