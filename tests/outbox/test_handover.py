"""Wake-ups leave soon and in few messages; nobody ever waits for Redis, or hears of its absence."""

from __future__ import annotations

import contextlib
import json
import time
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import text

from loyalty import metrics
from loyalty.embedded.valkey import free_port
from loyalty.ids import uuid7
from loyalty.outbox import handover
from loyalty.outbox.handover import MOST_IDS_A_MESSAGE, MOST_IDS_WAITING, OPEN_S, Publisher
from loyalty.tasks.queue import client
from loyalty.transaction import transaction
from tests.elsewhere import redis_at
from tests.faults.proxy import Proxy, proxy_to
from tests.servers import Own
from tests.stack import until
from tests.tenant import TestTenant


@pytest.fixture
def queue(database: Own) -> Iterator[None]:
    """A Redis in which no worker takes what is sent."""
    with redis_at(database.valkey.url(2)):
        client().flushdb()
        yield


@pytest.fixture
def silent(database: Own) -> Iterator[Proxy]:
    """A Redis behind a proxy that swallows everything."""
    parts = urlsplit(database.valkey.url(3))
    with proxy_to(parts.port or 0) as proxy:
        proxy.swallow()
        with redis_at(f"redis://:{parts.password}@127.0.0.1:{proxy.port}/3"):
            yield proxy


def queued() -> list[tuple[int, list[UUID]]]:
    """The messages that wait: tenant and ids of each, in the order they were sent."""
    found = []
    for raw in reversed(client().lrange("award", 0, -1)):
        (tenant_id, ids), *_ = json.loads(b64decode(json.loads(raw)["body"]))
        found.append((tenant_id, [UUID(one) for one in ids]))
    return found


def sent(count: int) -> list[tuple[int, list[UUID]]]:
    """Waits for so many messages."""
    until(lambda: client().llen("award") == count, f"{count} messages")
    return queued()


def ids(count: int) -> list[UUID]:
    return [uuid7() for _ in range(count)]


@pytest.mark.usefixtures("queue")
def test_what_comes_together_leaves_in_one_message_a_tenant() -> None:
    mine, more, theirs = ids(2), ids(1), ids(1)
    publisher = Publisher()
    publisher.put(1, mine)
    publisher.put(2, theirs)
    publisher.put(1, more)
    assert sorted(sent(2)) == [(1, mine + more), (2, theirs)]


@pytest.mark.usefixtures("queue")
def test_a_message_carries_at_most_a_batch() -> None:
    many = ids(2 * MOST_IDS_A_MESSAGE + 1)
    Publisher().put(1, many)
    messages = sent(3)
    assert [len(one) for _, one in messages] == [MOST_IDS_A_MESSAGE, MOST_IDS_A_MESSAGE, 1]
    assert [one for _, message in messages for one in message] == many


@pytest.mark.usefixtures("queue")
def test_only_what_was_committed_is_handed_over(tenant: TestTenant) -> None:
    lost, kept = ids(1), ids(1)
    with contextlib.suppress(ZeroDivisionError), transaction(tenant.id) as session:
        handover.note(session, lost)
        raise ZeroDivisionError
    with transaction(tenant.id) as session:
        handover.note(session, kept)
        session.execute(text("SELECT 1"))
        assert client().llen("award") == 0
    assert sent(1) == [(tenant.id, kept)]


def test_with_redis_gone_nobody_waits_and_nothing_is_raised() -> None:
    with redis_at(f"redis://127.0.0.1:{free_port()}/0"):
        _put_for_a_second(Publisher())


def test_a_redis_that_swallows_everything_keeps_nobody_waiting(silent: Proxy) -> None:
    _put_for_a_second(Publisher())


def _put_for_a_second(publisher: Publisher) -> None:
    """Puts that waited for a timeout of Redis would be one or two; in the end all are dropped."""
    before, puts, ends = _dropped(), 0, time.monotonic() + 1
    while time.monotonic() < ends:
        publisher.put(1, ids(1))
        puts += 1
    assert puts > 100
    until(lambda: _dropped() == before + puts, "the publisher to give up")


def test_what_does_not_fit_is_left_to_the_sweep(silent: Proxy) -> None:
    before = _dropped()
    Publisher().put(1, ids(MOST_IDS_WAITING + 500))
    assert _dropped() - before == 500
    until(lambda: _dropped() - before == MOST_IDS_WAITING + 500, "the publisher to give up")


def test_a_redis_that_failed_is_left_alone_for_a_while_and_then_found_again(
    silent: Proxy,
) -> None:
    before, publisher = _dropped(), Publisher()
    publisher.put(1, ids(1))
    until(lambda: _dropped() == before + 1, "a send that timed out")
    silent.forward()
    shut = ids(1)
    publisher.put(1, shut)
    until(lambda: _dropped() == before + 2, "a send that was not tried")
    started = time.monotonic()
    while not _is_sent(publisher):
        assert time.monotonic() - started < OPEN_S + 3
    assert not any(shut[0] in message for _, message in queued())


def _is_sent(publisher: Publisher) -> bool:
    """Puts one and waits until it is sent or dropped."""
    before, mine = _dropped(), ids(1)
    publisher.put(1, mine)
    until(lambda: _dropped() > before or (1, mine) in queued(), "an end of it")
    return _dropped() == before


def _dropped() -> float:
    return metrics.registry().get_sample_value("loyalty_handover_dropped_total") or 0.0
