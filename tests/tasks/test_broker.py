"""A Redis that is away is looked for often enough. How its loss is survived: tests/faults."""

from __future__ import annotations

import time

import pytest

from loyalty.embedded.valkey import free_port
from loyalty.tasks import celery
from loyalty.tasks.broker import LOOK_EVERY_S


def test_a_redis_that_is_away_is_looked_for_at_the_same_pace() -> None:
    intervals: list[float] = []

    def away(_: Exception, interval: float) -> None:
        intervals.append(interval)
        if len(intervals) == 2:
            raise KeyboardInterrupt

    started = time.monotonic()
    with (
        celery.connection_for_read(f"redis://127.0.0.1:{free_port()}") as connection,
        pytest.raises(KeyboardInterrupt),
    ):
        connection.ensure_connection(away)
    assert intervals == [LOOK_EVERY_S] * 2
    assert time.monotonic() - started < LOOK_EVERY_S + 2
