"""Every task that is named somewhere is registered, and every one registered goes somewhere."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import celeryconfig
from worker import app


def _ours() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def test_every_tick_of_beat_is_a_task() -> None:
    assert {tick["task"] for tick in celeryconfig.beat_schedule.values()} <= _ours()


def test_every_tick_is_dropped_when_it_is_late() -> None:
    schedule: dict[str, Any] = celeryconfig.beat_schedule
    for name, tick in schedule.items():
        assert tick["options"]["expires"] <= 2 * tick["schedule"], name


def test_every_route_is_of_a_task() -> None:
    for pattern in celeryconfig.task_routes:
        assert any(fnmatch(task, pattern) for task in _ours()), pattern


def test_every_task_has_a_route_to_a_queue() -> None:
    for task in _ours():
        queues = [
            route["queue"]
            for pattern, route in celeryconfig.task_routes.items()
            if fnmatch(task, pattern)
        ]
        assert queues, task
        assert set(queues) <= set(celeryconfig.task_queues)
