"""Kafka's client: a reader that commits when told to, and the topic of dead letters.

The one file that imports confluent-kafka, which is an extra: requirements-kafka.txt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from threading import Event
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from loyalty.config import ConfigurationError
from loyalty.logs import logger
from loyalty.streams.rules import DeadLetter, Record, next_offsets

_PATIENCE_S = 10.0
_SLICE_S = 0.5
_GATHER_S = 0.01  # one purchase by itself waits so long for others
#: What whoever runs it may set otherwise.
_USUAL = {
    "client.id": "loyalty",
    "auto.offset.reset": "earliest",  # a new group misses nothing that is there
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "cooperative-sticky",  # others go on while one joins
    "session.timeout.ms": 10_000,  # a killed reader's partitions go to the others after this
    "queued.max.messages.kbytes": 8_192,  # what is fetched ahead stays small …
    "fetch.message.max.bytes": 1_048_576,  # … of each partition too
}
#: What is safe only so.
_FIXED = {"enable.auto.commit": False, "enable.auto.offset.store": False}
_DELIVERS = {
    "client.id": "loyalty",
    "acks": "all",
    "delivery.timeout.ms": 30_000,
    "message.max.bytes": 10_485_760,  # the topic's own limit decides
}

log = logger(__name__)
_theirs = logging.getLogger("librdkafka")


class NotDelivered(Exception):
    """The brokers did not take a dead letter; trying again is right."""


def see_to_topics(settings: Mapping[str, str], topic: str, dead_letters: str) -> None:
    """Looks for the topic and makes that of dead letters. Raises ConfigurationError."""
    client = AdminClient({**settings}, logger=_theirs)
    where = settings.get("bootstrap.servers")
    try:
        there = client.list_topics(timeout=_PATIENCE_S).topics
        if topic not in there:
            raise ConfigurationError(f"Kafka at {where} has no topic {topic!r}: name another.")
        if dead_letters not in there:
            client.create_topics([NewTopic(dead_letters)])[dead_letters].result(_PATIENCE_S)
    except KafkaException as error:
        told = error.args[0]
        if told.code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise ConfigurationError(
                f"Kafka at {where} can't be used for {topic!r} and {dead_letters!r} ({told.str()}):"
                " start it, mend --brokers or --settings, or make the topics."
            ) from None


class Reader:
    """One member of the group that reads a topic. What it took is committed when told to."""

    def __init__(self, settings: Mapping[str, str], group: str, topic: str) -> None:
        self._topic = topic
        self._early: list[Record] = []
        self._gone: set[int] = set()
        ours = {**_USUAL, **settings, **_FIXED, "group.id": group}
        self._consumer = Consumer(ours, logger=_theirs)
        self._consumer.subscribe([topic], on_revoke=self._give_up, on_lost=self._give_up)

    def read(self, most: int) -> list[Record]:
        """What is there, up to `most`; none if nothing comes within half a second."""
        self._gone.clear()
        taken, self._early = self._early, []
        if not taken and (taken := self._poll(1, _SLICE_S)):
            taken += self._poll(most - 1, _GATHER_S)
        return taken

    def hold(self, seconds: float, stop: Event) -> None:
        """Takes nothing for so long, or until `stop`; it stays in the group, which asks after us.

        What reaches us all the same (of a partition that became ours meanwhile) is read next.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stop.is_set():
            self._consumer.pause(self._consumer.assignment())
            self._early += self._poll(1, min(left, _SLICE_S))
        self._consumer.resume(self._consumer.assignment())

    def commit(self, records: Iterable[Record]) -> None:
        """Says that these need not be read again. When it fails they are, which changes nothing."""
        offsets = [
            TopicPartition(self._topic, partition, offset)
            for partition, offset in next_offsets(records).items()
            if partition not in self._gone  # its new reader may be further than we are
        ]
        try:
            if offsets:
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("offsets not committed", topic=self._topic, error=str(error))

    def lags(self) -> dict[int, int]:
        """How many messages of each partition of ours are not committed; none if nobody tells."""
        lags: dict[int, int] = {}
        try:
            for ours in self._consumer.committed(self._consumer.assignment(), timeout=_SLICE_S):
                first, end = self._consumer.get_watermark_offsets(ours, timeout=_SLICE_S)
                lags[ours.partition] = end - max(first, ours.offset)
        except KafkaException as error:
            log.warning("the lag is not known", topic=self._topic, error=str(error))
        return lags

    def close(self) -> None:
        """Leaves the group, so that the others take over at once. Commits nothing."""
        self._consumer.close()

    def _poll(self, most: int, patience_s: float) -> list[Record]:
        taken = []
        for message in self._consumer.consume(most, timeout=patience_s):
            error = message.error()
            if error is None:
                taken.append(self._record(message))
            elif error.fatal():
                raise ConfigurationError(f"Kafka ends this reader: {error.str()}")
            else:
                log.warning("Kafka says", topic=self._topic, error=error.str())
        return taken

    def _record(self, message: Message) -> Record:
        return Record(
            topic=self._topic,
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            key=message.key(),
            value=message.value(),
            headers=_headers(message),
        )

    def _give_up(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._gone.update(one.partition for one in partitions)
        self._early = [record for record in self._early if record.partition not in self._gone]


def _headers(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    told: Any = message.headers() or ()  # always a list of pairs, whatever the type says
    return tuple((name, value) for name, value in told)


class DeadLetters:
    """The topic of what was refused."""

    def __init__(self, settings: Mapping[str, str], topic: str) -> None:
        self._topic = topic
        self._producer = Producer({**settings, **_DELIVERS}, logger=_theirs)

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Returns when the brokers have them; one that is too long for them is cut short.

        Raises NotDelivered.
        """
        too_long = self._deliver(letters)
        if self._deliver([letter.cut_short() for letter in too_long]):
            raise NotDelivered(f"{self._topic} takes not even a letter that was cut short.")

    def _deliver(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Sends them; returns those that are too long. Raises NotDelivered."""
        too_long: list[DeadLetter] = []
        failed: list[str] = []

        def noted(letter: DeadLetter, error: KafkaError | None, _: object = None) -> None:
            if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                too_long.append(letter)
            elif error is not None:
                failed.append(error.str())

        for letter in letters:
            try:
                self._producer.produce(
                    self._topic,
                    letter.value,
                    letter.key,
                    headers=list(letter.headers),
                    on_delivery=partial(noted, letter),
                )
            except KafkaException as error:
                noted(letter, error.args[0])
        if self._producer.flush() or failed:
            raise NotDelivered(f"{self._topic}: {failed[0] if failed else 'no answer'}")
        return too_long
