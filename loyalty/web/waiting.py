"""`Prefer: wait=N`: requests that wait for their purchase to be judged. They hold no connection."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from uuid import UUID

from loyalty.clock import now
from loyalty.earning.queries import oldest_open, still_open
from loyalty.logs import logger
from loyalty.transaction import transaction

log = logger(__name__)

LONGEST_S = 10
LOOK_EVERY_S = 0.02
BACKLOG_ASKED_EVERY_S = 0.5
LONGEST_BACKLOG = timedelta(seconds=2)  # with an older one, waiting is pointless
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,9})(?:$|[\",;\s])", re.IGNORECASE)


def asked_for(prefer: str | None) -> int:
    """The seconds that a Prefer header (RFC 7240) asks to wait, at most 10; 0 for none."""
    found = _WAIT.search(prefer) if prefer else None
    return min(int(found[1]), LONGEST_S) if found else 0


class Waiting:
    """Those who wait in this process, and the one thread that looks for all of them."""

    def __init__(self, threads: int) -> None:
        self._places = threading.BoundedSemaphore(max(1, threads // 4))
        self._waiting: set[tuple[int, UUID, threading.Event]] = set()
        self._somebody = threading.Event()
        self._backlogs: dict[int, tuple[float, bool]] = {}
        threading.Thread(target=self._run, name="waiting", daemon=True).start()

    @contextmanager
    def place(self, tenant_id: int) -> Iterator[bool]:
        """Whether there is a place to wait: a quarter of the threads, and no old backlog."""
        if not self._places.acquire(blocking=False):
            yield False
            return
        try:
            yield not self._is_behind(tenant_id)
        finally:
            self._places.release()

    def wait(self, tenant_id: int, activity_id: UUID, seconds: float) -> bool:
        """Waits until the purchase is judged; False when it is not in time."""
        judged = threading.Event()
        self._waiting.add((tenant_id, activity_id, judged))
        self._somebody.set()
        try:
            return judged.wait(seconds)
        finally:
            self._waiting.discard((tenant_id, activity_id, judged))

    def _is_behind(self, tenant_id: int) -> bool:
        until, behind = self._backlogs.get(tenant_id, (0.0, False))
        if time.monotonic() >= until:
            with transaction(tenant_id) as session:
                behind = oldest_open(session, now(session)) > LONGEST_BACKLOG
            self._backlogs[tenant_id] = (time.monotonic() + BACKLOG_ASKED_EVERY_S, behind)
        return behind

    def _run(self) -> None:
        while True:
            self._somebody.wait()
            if not self._waiting:
                self._somebody.clear()
                continue
            time.sleep(LOOK_EVERY_S)
            try:
                self._look()
            except Exception as error:  # Postgres is away: they wait on, until their time is up
                log.warning("cannot look for those who wait", error=repr(error))
                time.sleep(1)

    def _look(self) -> None:
        by_tenant: dict[int, list[tuple[UUID, threading.Event]]] = defaultdict(list)
        for tenant_id, activity_id, judged in self._waiting.copy():
            by_tenant[tenant_id].append((activity_id, judged))
        for tenant_id, waiting_here in by_tenant.items():
            with transaction(tenant_id) as session:
                open_still = still_open(session, {one for one, _ in waiting_here})
            for activity_id, judged in waiting_here:
                if activity_id not in open_still:
                    judged.set()


#: Of a burst of requests that are the first of their process, one makes it and the others take it.
_MAKING = threading.Lock()


@cache
def _waiting_of(_pid: int) -> Waiting:
    return Waiting(int(os.environ.get("GRANIAN_BLOCKING_THREADS", "32")))


def waiting() -> Waiting:
    """Those who wait in this process (made after a fork: a thread does not survive one)."""
    with _MAKING:
        return _waiting_of(os.getpid())


def judged_within(tenant_id: int, activity_id: UUID, seconds: float) -> bool:
    """Waits for a purchase or return; False if it is not judged in time, or nobody may wait now.

    Call it without a connection in hand.
    """
    with waiting().place(tenant_id) as there_is_one:
        return there_is_one and waiting().wait(tenant_id, activity_id, seconds)
