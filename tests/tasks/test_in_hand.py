"""What another worker has in hand is skipped; without Redis everything goes on."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from loyalty.embedded.valkey import free_port
from loyalty.tasks.in_hand import LIFE_S, client, leave, take
from loyalty.tasks.queue import depth
from tests.elsewhere import redis_at
from tests.faults.proxy import proxy_to

TENANT = 1


@pytest.fixture
def ids() -> list[str]:
    return [str(uuid4()) for _ in range(3)]


def test_what_somebody_has_in_hand_is_skipped(ids: list[str]) -> None:
    assert take(TENANT, ids[:2], "one") == ids[:2]
    assert take(TENANT, ids, "other") == ids[2:]
    assert take(TENANT + 1, ids, "other") == ids  # another tenant's ids are its own


def test_ones_own_are_never_skipped(ids: list[str]) -> None:
    """The same message again, after its worker was killed."""
    take(TENANT, ids, "one")
    assert take(TENANT, ids, "one") == ids


def test_only_ones_own_are_given_back(ids: list[str]) -> None:
    take(TENANT, ids[:1], "one")
    take(TENANT, ids[1:], "other")
    leave(TENANT, ids, "one")
    assert take(TENANT, ids, "third") == ids[:1]


def test_a_dead_owner_holds_nothing_for_long(ids: list[str]) -> None:
    take(TENANT, ids, "one")
    lives = client().pttl(f"loyalty:in-hand:{TENANT}:{ids[0]}")
    assert 0 < lives <= LIFE_S * 1000


def test_with_redis_gone_everything_goes_on(ids: list[str]) -> None:
    with redis_at(f"redis://127.0.0.1:{free_port()}/0"):
        started = time.monotonic()
        assert take(TENANT, ids, "one") == ids
        assert take(TENANT, ids, "other") == ids
        leave(TENANT, ids, "one")
        assert depth("award") is None
        assert time.monotonic() - started < 0.5


def test_a_redis_that_swallows_everything_is_not_waited_for(ids: list[str]) -> None:
    with proxy_to(client().connection_pool.connection_kwargs["port"]) as proxy:
        proxy.swallow()
        with redis_at(f"redis://127.0.0.1:{proxy.port}/0"):
            started = time.monotonic()
            assert take(TENANT, ids, "one") == ids
            leave(TENANT, ids, "one")
            assert time.monotonic() - started < 1
            assert depth("award") is None
            assert time.monotonic() - started < 3
