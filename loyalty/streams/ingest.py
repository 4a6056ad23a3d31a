"""Ingest: read, store, tell what was refused, commit; and hold back when that can't be done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from loyalty import metrics
from loyalty.errors import Unavailable
from loyalty.logs import logger
from loyalty.streams.kafka import DeadLetters, NotDelivered, Reader
from loyalty.streams.queries import is_behind
from loyalty.streams.rules import FIRST_WAIT_S, Record, next_wait_s
from loyalty.streams.take import Stream, take
from loyalty.transaction import transaction

MOST_AT_ONCE = 500  # messages in one transaction
_LAG_EVERY_S = 5.0
_BACKLOG_EVERY_S = 1.0

log = logger(__name__)


class Ingest:
    """A reader of a stream at work, until `stop` is set."""

    def __init__(
        self,
        stream: Stream,
        reader: Reader,
        dead_letters: DeadLetters,
        stop: Event,
        most_waiting: int,
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._dead_letters = dead_letters
        self._stop = stop
        self._most_waiting = most_waiting
        self._tell_lag_at = self._ask_backlog_at = 0.0
        self._unasked = 0  # messages taken since the workers' backlog was asked for

    def run(self) -> None:
        """Reads until it is stopped. Raises ConfigurationError for what Kafka calls fatal."""
        while not self._stop.is_set():
            self._tell_lag()
            if self._workers_are_behind():
                self._hold("backlog", _BACKLOG_EVERY_S)
                continue
            records = self._reader.read(MOST_AT_ONCE)
            if records and self._settled(records):
                self._reader.commit(records)
                self._unasked += len(records)

    def _settled(self, records: Sequence[Record]) -> bool:
        """Tries until every record is a purchase in Postgres or a dead letter in Kafka.

        False when it was stopped before: then nothing is committed, and they are read again.
        """
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                self._dead_letters.put(take(self._stream, records))
            except (Unavailable, NotDelivered) as error:
                away = "postgres" if isinstance(error, Unavailable) else "kafka"
                log.warning("holding back", topic=self._stream.topic, error=str(error))
                self._hold(away, wait_s)
                wait_s = next_wait_s(wait_s)
            else:
                return True
        return False

    def _workers_are_behind(self) -> bool:
        """Whether so much waits that more is better left in Kafka.

        Asked once a second, and more often when much is taken meanwhile.
        """
        if time.monotonic() < self._ask_backlog_at and 4 * self._unasked < self._most_waiting:
            return False
        self._ask_backlog_at, self._unasked = time.monotonic() + _BACKLOG_EVERY_S, 0
        try:
            with transaction(self._stream.tenant_id) as session:
                return is_behind(session, self._most_waiting)
        except SQLAlchemyError:  # storing will find out, and wait
            return False

    def _hold(self, reason: str, seconds: float) -> None:
        begun = time.monotonic()
        self._reader.hold(seconds, self._stop)
        metrics.stream_held(self._stream.topic, reason, time.monotonic() - begun)
        self._tell_lag()

    def _tell_lag(self) -> None:
        if time.monotonic() >= self._tell_lag_at:
            metrics.stream_lag(self._stream.topic, self._reader.lags())
            self._tell_lag_at = time.monotonic() + _LAG_EVERY_S
