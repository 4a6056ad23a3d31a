"""Members that are asked for at the same time are read in one statement.

Apps ask for them all day. Who comes while few statements are under way reads at once; who comes
meanwhile waits, and the first of those who wait reads for all of its tenant. So nobody waits who
need not, a statement serves as many as there are, and no thread stands between.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from loyalty.errors import Problem, Unavailable
from loyalty.people.answer import asked
from loyalty.transaction import read_rows

MOST_AT_ONCE = 2  #: statements of a process under way: one that is slow does not hold up all
_TIMEOUT_S = 20.0  # Postgres ends a statement before that
_IN_TIME = "The database did not answer in time."


class _Ticket:
    """One request. `done` is released when `answer` is there, or when it is to read itself."""

    __slots__ = ("answer", "asked", "done", "reads", "tenant_id")

    def __init__(self, tenant_id: int, asked: tuple[int, str, datetime]) -> None:
        self.tenant_id = tenant_id
        self.asked = asked
        self.done = threading.Lock()
        self.done.acquire()
        self.reads = False
        self.answer: Sequence[Any] | Exception = Unavailable(_IN_TIME)


class Reads:
    """Who reads, and who waits for it, by tenant and in the order in which they came."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._under_way = 0
        self._waiting: dict[int, list[_Ticket]] = {}

    def member(
        self, tenant_id: int, program_id: int, member_id: str, at: datetime
    ) -> Sequence[Any]:
        """The row that `loyalty.people.answer.answered` takes. Raises Unavailable."""
        mine = _Ticket(tenant_id, (program_id, member_id, at))
        with self._guard:
            mine.reads = self._under_way < MOST_AT_ONCE
            if mine.reads:
                self._under_way += 1
            else:
                self._waiting.setdefault(tenant_id, []).append(mine)
        if not mine.reads:
            self._wait(mine)
        if mine.reads:
            self._read_with_others(mine)
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _wait(self, mine: _Ticket) -> None:
        if mine.done.acquire(timeout=_TIMEOUT_S):
            return
        with self._guard:
            waiting = self._waiting.get(mine.tenant_id, [])
            if mine in waiting:
                waiting.remove(mine)
                if not waiting:
                    del self._waiting[mine.tenant_id]
                return
        mine.done.acquire()  # somebody reads it, or it is to read: its turn came just now

    def _read_with_others(self, mine: _Ticket) -> None:
        with self._guard:
            group = [mine, *self._waiting.pop(mine.tenant_id, ())]
        try:
            _read(group)
        finally:
            self._next()
            for one in group[1:]:
                one.done.release()

    def _next(self) -> None:
        """Who has waited longest reads now."""
        with self._guard:
            if not self._waiting:
                self._under_way -= 1
                return
            tenant_id, waiting = next(iter(self._waiting.items()))
            first = waiting.pop(0)
            if not waiting:
                del self._waiting[tenant_id]
        first.reads = True
        first.done.release()


def _read(group: Sequence[_Ticket]) -> None:
    """Answers all of them; where something is wrong with one, each by itself."""
    tenant_id = group[0].tenant_id
    try:
        rows = read_rows(tenant_id, *asked(tenant_id, [one.asked for one in group]))
        for one, row in zip(group, rows, strict=True):
            one.answer = row
    except Exception as error:
        if len(group) == 1 or isinstance(error, Problem):
            for one in group:
                one.answer = error
        else:
            for one in group:
                _read([one])


@cache
def _reads_of(_pid: int) -> Reads:
    return Reads()


_MAKING = threading.Lock()


def reads() -> Reads:
    """Those of this process."""
    with _MAKING:
        return _reads_of(os.getpid())
