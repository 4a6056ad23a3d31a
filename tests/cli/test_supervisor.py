"""Parts that die, that talk, and that do not want to end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from loyalty.cli.parts import Part
from loyalty.cli.supervisor import Supervisor


class House:
    """A supervisor, and what it showed."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.started = 0
        self.supervisor = Supervisor(os.environ, self._show, self._count)

    def start(self, name: str, script: str, grace_s: float = 5) -> None:
        self.supervisor.start(Part(name, ("sh", "-c", script), grace_s=grace_s))

    def watch_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not true():
            assert time.monotonic() < deadline, self.lines
            self.supervisor.watch()

    def _show(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def _count(self) -> None:
        self.started += 1


@pytest.fixture
def house() -> Iterator[House]:
    running = House()
    yield running
    running.supervisor.stop()


def test_lines_are_shown_whole_and_with_their_parts_name(house: House) -> None:
    house.start(
        "web", "printf 'one\\ntw'; sleep 0.3; printf 'o\\nthe rest'; exec 1>&- 2>&-; sleep 9"
    )
    house.watch_until(lambda: ("web", "the rest") in house.lines)
    assert house.lines == [("web", "one"), ("web", "two"), ("web", "the rest")]


def test_who_dies_at_once_is_started_again_ever_more_slowly(house: House) -> None:
    house.start("beat", "exit 3")
    house.watch_until(lambda: house.started == 3)
    told = [line for _, line in house.lines if line.startswith("ended")]
    assert told[:2] == ["ended with 3; again in 0.4 s", "ended with 3; again in 0.8 s"]


def test_what_a_dead_part_had_started_ends_with_it(house: House) -> None:
    house.start("worker", "sleep 1000 & echo $!; sleep 0.2; kill -9 $$")
    house.watch_until(lambda: house.started == 2)
    left = int(house.lines[0][1])
    house.watch_until(lambda: not _is_alive(left))


def test_web_ends_before_the_others_are_asked_to(house: House) -> None:
    for name in ("worker", "web"):
        house.start(name, "trap 'sleep 0.2; echo ended; exit' TERM; echo up; sleep 9 & wait")
    house.watch_until(lambda: len(house.lines) == 2)
    house.supervisor.stop()
    assert house.lines[2:] == [("web", "ended"), ("worker", "ended")]


def test_who_does_not_end_in_time_is_killed(house: House) -> None:
    house.start("web", "trap '' TERM; echo up; while true; do sleep 1; done", grace_s=0.3)
    house.watch_until(lambda: bool(house.lines))
    pid = house.supervisor.children["web"].process.pid
    begun = time.monotonic()
    house.supervisor.stop()
    assert time.monotonic() - begun < 5
    assert not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # nobody here reaps an orphan
    except psutil.NoSuchProcess:
        return False
