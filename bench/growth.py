"""What an earn costs in books of different sizes, measured in turns on one server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bench.figures import Samples
from bench.servers import Servers
from loyalty.cli.migrate import upgrade
from loyalty.cli.parts import ROOT

_TURNS = 7
_SETS_A_TURN = 15
_WARM_UP_SETS = 20


class _Book:
    """A process of bench.one_book: a line in, a line of JSON out."""

    def __init__(self, servers: Servers, entries: int) -> None:
        self.entries = entries
        name = f"book_{entries}"
        servers.make_database(name)
        env = servers.environment(name, 2)
        upgrade(env["DATABASE_OWNER_URL"])
        argv = ["-m", "bench.one_book", str(entries), servers.postgres.superuser_url(name)]
        self._process = subprocess.Popen(
            [sys.executable, *argv],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def heard(self) -> dict[str, float]:
        """Its next answer. Raises RuntimeError when it has ended."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"the book of {self.entries} entries ended: see its lines above")
        told: dict[str, float] = json.loads(line)
        return told

    def measure(self, sets: int) -> dict[str, float]:
        """Takes and awards so many sets; what that cost."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{sets}\n")
        self._process.stdin.flush()
        return self.heard()

    def stop(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()


def measure_growth(
    servers: Servers, sizes: Sequence[int], samples: Samples, say: Callable[[str], None]
) -> None:
    """Fills a book of each size, all at once, then measures them in turns."""
    with ExitStack() as at_the_end:
        books: list[_Book] = []
        for entries in sizes:
            book = _Book(servers, entries)
            at_the_end.callback(book.stop)
            books.append(book)
        for book in books:
            stored = book.heard()["stored_bytes"]
            say(f"a book of {book.entries:,} entries is filled")
        samples.add("bytes.stored", stored)  # of the largest: there it is least blurred
        for book in books:
            book.measure(_WARM_UP_SETS)
        for _ in range(_TURNS):
            for book in books:
                told = book.measure(_SETS_A_TURN)
                samples.add(f"cost.{book.entries}", told["cost_us"])
        samples.add("bytes.log", told["log_bytes"])
