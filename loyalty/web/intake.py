"""Intake's group commit: requests that wait together share one INSERT and one commit.

The one place where requests share a transaction. Nobody pays for a stranger's row: when a
group fails for what a row says, every request of it is stored by itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from queue import SimpleQueue
from typing import Any

import psycopg2.errors

from loyalty import metrics
from loyalty.config import config
from loyalty.earning.accept import Accepted, answered, asked
from loyalty.errors import Invalid, Problem, Unavailable
from loyalty.logs import logger
from loyalty.outbox import handover
from loyalty.transaction import write_rows

log = logger(__name__)

MOST_ROWS_A_GROUP = 500
#: While requests come together, a group waits this long for more of them: each statement and
#: commit then serves twice as many. A purchase that comes by itself does not wait.
_GATHER_S = 0.004
_MOST_DEADLOCKS = 3
_ROWS_FAULT = (psycopg2.DataError, psycopg2.IntegrityError)
_TURNS = (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure)

Rows = list[dict[str, Any]]


class _Ticket:
    """One request's rows in the queue; `done` is released when `answer` is there."""

    __slots__ = ("answer", "done", "rows", "tenant_id")

    def __init__(self, tenant_id: int, rows: Rows) -> None:
        self.tenant_id = tenant_id
        self.rows = rows
        self.done = threading.Lock()
        self.done.acquire()
        self.answer: list[Accepted] | Exception | None = None


def store(tenant_id: int, rows: Rows) -> list[Accepted]:
    """Stores rows of one tenant in a transaction of their own and hands over what is new.

    Raises Invalid for what Postgres cannot store, Unavailable when it does not answer.
    """
    statement, values = asked(tenant_id, rows)
    for _ in range(_MOST_DEADLOCKS):
        try:
            stored = answered(rows, write_rows(tenant_id, statement, values))
        except _TURNS:
            continue
        except _ROWS_FAULT as error:
            raise Invalid("The purchase cannot be stored as it is.") from error
        fresh = [one.id for one in stored if one.fresh]
        handover.wake(tenant_id, fresh)
        metrics.accepted(len(fresh))
        return stored
    raise Unavailable


class Intake:
    """A bounded queue of requests and the one thread that stores them in groups."""

    def __init__(self, most_waiting: int, timeout_s: float) -> None:
        self._most_waiting = most_waiting
        self._timeout_s = timeout_s
        self._queue: SimpleQueue[_Ticket] = SimpleQueue()
        threading.Thread(target=self._run, name="intake", daemon=True).start()

    def store(self, tenant_id: int, rows: Rows) -> list[Accepted]:
        """Stores rows together with those of other requests; returns after the commit.

        Raises Unavailable when the queue is full or Postgres takes too long.
        """
        if self._queue.qsize() >= self._most_waiting:
            raise Unavailable("Too many purchases are waiting to be stored.")
        ticket = _Ticket(tenant_id, rows)
        self._queue.put(ticket)
        if not ticket.done.acquire(timeout=self._timeout_s):
            raise Unavailable("Storing took too long; it is safe to send the same request again.")
        if isinstance(ticket.answer, list):
            return ticket.answer
        raise ticket.answer or Unavailable()

    def _run(self) -> None:
        busy = False
        while True:
            group = [self._queue.get()]
            rows = len(group[0].rows)
            if busy:
                time.sleep(_GATHER_S)
            while rows < MOST_ROWS_A_GROUP and not self._queue.empty():
                group.append(self._queue.get())
                rows += len(group[-1].rows)
            busy = len(group) > 1
            by_tenant: dict[int, list[_Ticket]] = defaultdict(list)
            for ticket in group:
                by_tenant[ticket.tenant_id].append(ticket)
            for tenant_id, tickets in by_tenant.items():
                self._store_group(tenant_id, tickets)

    def _store_group(self, tenant_id: int, tickets: list[_Ticket]) -> None:
        try:
            stored = iter(store(tenant_id, [row for ticket in tickets for row in ticket.rows]))
            for ticket in tickets:
                ticket.answer = [next(stored) for _ in ticket.rows]
                ticket.done.release()
        except Exception as error:
            if isinstance(error, Invalid) and len(tickets) > 1:
                for ticket in tickets:
                    self._store_group(tenant_id, [ticket])
            else:
                if not isinstance(error, Problem):
                    log.exception("purchases not stored", tenant=tenant_id, requests=len(tickets))
                _answer_all(tickets, error)


def _answer_all(tickets: Iterable[_Ticket], error: Exception) -> None:
    for ticket in tickets:
        ticket.answer = error if isinstance(error, Problem) else Unavailable()
        ticket.done.release()


_MAKING = threading.Lock()  # one thread makes it; a burst of others takes what it made


@cache
def _intake_of(_pid: int) -> Intake:
    return Intake(config().intake_queue, config().intake_timeout_s)


def intake() -> Intake:
    """The intake of this process (made after a fork: a thread does not survive one)."""
    with _MAKING:
        return _intake_of(os.getpid())
