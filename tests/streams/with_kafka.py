"""Purchases out of a real Kafka: none lost, none counted twice, whatever is killed.

Not part of the tests that need nothing installed: `make test-kafka` runs it, and fails without
Java, Maven and the extra.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from loyalty.cli import parts
from tests.scenarios.door import Door, opened_door, purchase
from tests.stack import Process, Stack, until
from tests.streams.broker import Broker, running_broker

_MEMBERS = 10
_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One Kafka for all of these."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@dataclass
class Shop:
    """A program with members, a topic of its own, and who reads it."""

    stack: Stack
    broker: Broker
    door: Door
    topic: str = field(default_factory=lambda: f"buys-{uuid4().hex}")

    def reader(self, *options: str) -> Process:
        """A `loyalty ingest`, not started yet; it is ready when the log says so."""
        name = f"ingest-{uuid4().hex[:8]}"
        log = self.stack.own.folder / f"{name}.log"
        whose = (self.topic, "--program", "wine", "--tenant", self.door.tenant.slug)
        words = (*whose, "--brokers", self.broker.address, *options)
        argv = (sys.executable, "-m", "loyalty.cli", "ingest", *words)
        env = {**self.stack.own.environment(), "PYTHONUNBUFFERED": "1"}
        return Process(parts.Part(name, argv), env, log, lambda: "Reading" in log.read_text())

    def send(self, count: int) -> list[dict[str, object]]:
        """So many purchases of 1 USD, over all partitions."""
        bought = [purchase(f"m-{number % _MEMBERS}", "1") for number in range(count)]
        self.broker.send(self.topic, [json.dumps(one).encode() for one in bought])
        return bought

    def credited(self) -> int:
        """The points of all members together, as they are told over HTTP; -1 if they are not."""
        told = [self.door.member(f"m-{number}") for number in range(_MEMBERS)]
        if not all(answer.ok for answer in told):
            return -1
        return sum(answer.json()["points"]["available"] for answer in told)

    def accepted(self) -> int:
        """The purchases that are stored."""
        return self._count("activity")

    def waiting(self) -> int:
        """The purchases that wait for a worker."""
        return self._count("unsettled")

    def all_read(self) -> bool:
        """Whether the group has committed everything."""
        return self.broker.uncommitted(self.topic, "loyalty") == 0

    def dead_letters(self, count: int) -> list[tuple[bytes | None, dict[str, str]]]:
        """Value and headers of each; there are `count`."""
        found = self.broker.read(f"{self.topic}.dead-letters", count)
        return [(one.value(), _headers(one.headers())) for one in found]

    def measured(self, name: str) -> float:
        """The sum of a metric over this topic, whatever its other labels."""
        lines = requests.get(f"{self.stack.base_url}/metrics", timeout=10).text.splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith(f"{name}{{") and f'topic="{self.topic}"' in line
        )

    def _count(self, table: str) -> int:
        with self.stack.system.connect() as connection:
            found = connection.scalar(
                text(f"SELECT count(*) FROM {table} WHERE tenant_id = :tenant"),
                {"tenant": self.door.tenant.id},
            )
        return int(found or 0)


def _headers(told: Any) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in told or ()}


def _opened(stack: Stack, broker: Broker, partitions: int = 4) -> Shop:
    shop = Shop(stack, broker, opened_door(stack))
    shop.door.open_program()
    for number in range(_MEMBERS):
        assert shop.door.enrol(f"m-{number}").status_code == 201
    broker.make_topic(shop.topic, partitions)
    return shop


@pytest.fixture(scope="module", autouse=True)
def _swept(stack: Stack) -> None:
    """A reader that is killed leaves stored purchases of which no worker was told."""
    stack.sweeper.start()
    stack.beat.start()


@pytest.fixture
def shop(stack: Stack, broker: Broker) -> Shop:
    """A shop of this run's stack."""
    return _opened(stack, broker)


@contextmanager
def _reading(*readers: Process) -> Iterator[None]:
    """They read meanwhile, and end as a service manager ends them."""
    try:
        for reader in readers:
            reader.begin()
        for reader in readers:
            reader.wait()
        yield
    finally:
        for reader in readers:
            reader.stop()


def _all_is_credited(shop: Shop, sent: int) -> None:
    until(shop.all_read, "all to be read", _WITHIN_S)
    assert shop.accepted() == sent
    until(lambda: shop.credited() == sent, "all to be credited", _WITHIN_S)
    shop.dead_letters(0)


def test_what_is_sent_is_credited_however_often_it_is_sent(shop: Shop) -> None:
    bought = shop.send(1000)
    shop.broker.send(shop.topic, [json.dumps(one).encode() for one in bought])
    reader = shop.reader()
    with _reading(reader):
        _all_is_credited(shop, 1000)
        until(lambda: shop.measured("loyalty_stream_lag") == 0, "the lag to be told", _WITHIN_S)
    assert shop.measured("loyalty_streamed_total") == 2000
    assert reader.process is not None
    assert reader.process.returncode == 0


def test_who_starts_again_reads_on(shop: Shop) -> None:
    for round_ in range(1, 4):
        with _reading(shop.reader()):
            shop.send(100)
            _all_is_credited(shop, 100 * round_)
    assert shop.measured("loyalty_streamed_total") == 300


def test_what_is_no_purchase_goes_to_the_dead_letters(shop: Shop) -> None:
    good = purchase("m-0", "1")
    other = {**good, "amount": "2"}
    bad = [b"{", json.dumps({**purchase("m-0", "1"), "amount": "-1"}).encode(), None]
    shop.broker.send(shop.topic, [json.dumps(good).encode()], key=b"k")
    with _reading(shop.reader()):
        until(lambda: shop.credited() == 1, "the good one", _WITHIN_S)
        shop.broker.send(shop.topic, [*bad, json.dumps(other).encode()], key=b"k")
        until(shop.all_read, "all to be read", _WITHIN_S)
    letters = shop.dead_letters(4)
    assert [headers["loyalty-reason"] for _, headers in letters] == [
        "unreadable",
        "invalid",
        "unreadable",
        "transaction_mismatch",
    ]
    assert [value for value, _ in letters] == [*bad, json.dumps(other).encode()]
    [pointed] = json.loads(letters[1][1]["loyalty-errors"])
    assert pointed["pointer"] == "/amount"
    assert {headers["loyalty-topic"] for _, headers in letters} == {shop.topic}
    assert [headers["loyalty-offset"] for _, headers in letters] == ["1", "2", "3", "4"]
    assert (shop.accepted(), shop.credited()) == (1, 1)


def test_dead_letters_that_were_mended_are_read_from_their_topic(shop: Shop) -> None:
    """Here the mistake was ours: the reader was bound to another source."""
    shop.send(5)
    with _reading(shop.reader("--source", "elsewhere")):
        until(shop.all_read, "all to be read", _WITHIN_S)
    assert {headers["loyalty-reason"] for _, headers in shop.dead_letters(5)} == {
        "source_not_allowed"
    }
    shop.topic = f"{shop.topic}.dead-letters"
    with _reading(shop.reader()):
        _all_is_credited(shop, 5)


def test_a_letter_that_is_too_long_is_cut_short(stack: Stack, broker: Broker) -> None:
    shop = _opened(stack, broker, partitions=1)
    broker.make_topic(f"{shop.topic}.dead-letters", max_message_bytes="2000")
    broker.send(shop.topic, [b"x" * 100_000, json.dumps(purchase("m-0", "1")).encode()])
    with _reading(shop.reader()):
        until(shop.all_read, "all to be read", _WITHIN_S)
    [(value, headers)] = shop.dead_letters(1)
    assert value is None
    assert headers["loyalty-reason"] == "body_too_large"
    assert headers["loyalty-cut-short"] == "true"
    assert (headers["loyalty-partition"], headers["loyalty-offset"]) == ("0", "0")


def test_readers_that_are_killed_lose_nothing(shop: Shop) -> None:
    readers = [shop.reader() for _ in range(2)]
    chosen = random.Random(7)
    sent = 0
    with _reading(*readers):
        for _ in range(6):
            sent += len(shop.send(700))
            victim = chosen.choice(readers)
            before = shop.accepted()
            until(lambda: shop.accepted() > before, "some of it", _WITHIN_S)  # noqa: B023
            victim.kill()
            victim.begin()
        _all_is_credited(shop, sent)


def test_one_joins_and_one_leaves(shop: Shop) -> None:
    first, second = shop.reader(), shop.reader()
    with _reading(first):
        sent = len(shop.send(1000))
        with _reading(second):
            sent += len(shop.send(1000))
            first.stop()
            sent += len(shop.send(1000))
            _all_is_credited(shop, sent)


def test_what_workers_cannot_award_stays_in_kafka(shop: Shop) -> None:
    shop.stack.worker.stop()
    try:
        shop.send(5000)
        with _reading(shop.reader("--most-waiting", "1000")):
            held = "loyalty_stream_held_seconds_total"
            until(lambda: shop.measured(held) > 2, "it to hold back", _WITHIN_S)
            assert 1000 <= shop.waiting() < 5000
            until(lambda: shop.measured("loyalty_stream_lag") > 0, "a lag", _WITHIN_S)
            shop.stack.worker.start()
            _all_is_credited(shop, 5000)
    finally:
        shop.stack.worker.start()


@pytest.mark.timeout(240)
def test_postgres_may_go_away(own_stack: Stack, broker: Broker) -> None:
    shop = _opened(own_stack, broker)
    reader = shop.reader()
    with _reading(reader):
        sent = len(shop.send(500))
        until(lambda: shop.accepted() > 0, "some of it", _WITHIN_S)
        own_stack.own.postgres.stop()
        sent += len(shop.send(500))
        _logs(reader, "holding back")
        own_stack.own.postgres.start()
        own_stack.system.dispose()  # its connections are gone
        own_stack.sweeper.start()
        own_stack.beat.start()
        _all_is_credited(shop, sent)


@pytest.mark.timeout(240)
def test_kafka_may_be_killed(stack: Stack, tmp_path: Path) -> None:
    with running_broker(tmp_path) as broker:
        shop = _opened(stack, broker)
        with _reading(shop.reader()):
            sent = len(shop.send(500))
            broker.process.kill()
            broker.process.start()
            sent += len(shop.send(500))
            _all_is_credited(shop, sent)


@pytest.mark.timeout(240)
def test_while_dead_letters_cannot_be_written_nothing_is_committed(
    stack: Stack, broker: Broker
) -> None:
    shop = _opened(stack, broker, partitions=1)
    dead = f"{shop.topic}.dead-letters"
    broker.make_topic(dead, max_message_bytes="100")  # less than any letter
    broker.send(shop.topic, [json.dumps(purchase("m-0", "1")).encode(), b"{"])
    reader = shop.reader()
    with _reading(reader):
        _logs(reader, "holding back")
        assert broker.uncommitted(shop.topic, "loyalty") == 2
        broker.change_topic(dead, max_message_bytes="1000000")
        until(shop.all_read, "all to be read", 2 * _WITHIN_S)
    assert shop.accepted() == 1
    [(value, _)] = shop.dead_letters(1)
    assert value == b"{"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"--brokers": "127.0.0.1:1"}, "Kafka at 127.0.0.1:1 can't be used for"),
        ({"--program": "beer"}, "There is no program 'beer'."),
        ({"--tenant": "nobody"}, "There is no tenant 'nobody'."),
        ({"--dead-letters": "TOPIC"}, "Dead letters can't go where they came from"),
        ({"TOPIC": "elsewhere"}, "has no topic 'elsewhere'"),
    ],
)
def test_what_cannot_work_is_told_at_once(
    shop: Shop, change: dict[str, str], sentence: str
) -> None:
    options = [word for pair in change.items() if pair[0] != "TOPIC" for word in pair]
    shop.topic, given = change.get("TOPIC", shop.topic), shop.topic
    reader = shop.reader(*[given if word == "TOPIC" else word for word in options])
    reader.begin()
    assert reader.process is not None
    assert reader.process.wait(_WITHIN_S) == 1
    assert sentence in reader.log.read_text()
    assert "Traceback" not in reader.log.read_text()


def test_settings_come_from_a_file(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text("# how we reach it\n\nclient.id = till-reader\nsession.timeout.ms=12000\n")
    with _reading(shop.reader("--settings", str(file))):
        shop.send(1)
        _all_is_credited(shop, 1)
    file.write_text("nonsense\n")
    reader = shop.reader("--settings", str(file))
    reader.begin()
    assert reader.process is not None
    assert reader.process.wait(_WITHIN_S) == 1
    assert "'nonsense' has no value: write name=value." in reader.log.read_text()


def _logs(reader: Process, what: str) -> None:
    until(lambda: what in reader.log.read_text(), f"{what!r} in {reader.log}", _WITHIN_S)
