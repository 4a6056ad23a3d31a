"""Who used the processors while something was measured: ours by process, and strangers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from time import process_time

import psutil


class Cpu:
    """Processor seconds of process trees, by name."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Adds what is used meanwhile to `seconds`: of each tree, of `bench`, and of `others`."""
        before, busy = self._now(), _busy()
        yield
        used = {name: seconds - before[name] for name, seconds in self._now().items()}
        used["others"] = max(0.0, _busy() - busy - sum(used.values()))
        for name, seconds in used.items():
            self.seconds[name] += seconds

    def shares(self) -> dict[str, int]:
        """Percent of the processor time that was used, the largest first."""
        total = sum(self.seconds.values()) or 1.0
        ranked = sorted(self.seconds.items(), key=lambda one: -one[1])
        return {name: round(100 * seconds / total) for name, seconds in ranked}

    def _now(self) -> dict[str, float]:
        found = {"bench": process_time()}
        for name, pid in self._pids.items():
            found[name] = 0.0
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        times = process.cpu_times()
                        found[name] += times.user + times.system
        return found


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)
