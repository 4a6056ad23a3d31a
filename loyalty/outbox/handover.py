"""Wake-ups: which purchases of which tenant wait for a worker, told after the commit.

A wake-up may be lost at any point; the purchase is in Postgres and the sweep finds it.
So this never blocks and never raises: a bounded queue, one thread, short timeouts, and a
circuit breaker for the time in which Redis does not answer.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from functools import cache
from uuid import UUID

from celery import Celery
from sqlalchemy.orm import Session

from loyalty import metrics
from loyalty.logs import logger

GATHER_S = 0.02  # one message carries what came in this time: a message costs about a millisecond
MOST_IDS_WAITING = 20_000
MOST_IDS_A_MESSAGE = 200
OPEN_S = 2.0  # how long the breaker keeps away from a Redis that failed

log = logger(__name__)


def note(session: Session, activity_ids: Iterable[UUID]) -> None:
    """Remembers in the session which activities are to be handed over after its commit."""
    session.info.setdefault("woken", []).extend(activity_ids)


def hand_over(session: Session) -> None:
    """Hands over what `note` gathered. Called by the transaction after its commit."""
    woken = session.info.pop("woken", None)
    if woken:
        wake(session.info["tenant_id"], woken)


def wake(tenant_id: int, activity_ids: Iterable[UUID]) -> None:
    """Queues a wake-up; the publishing thread sends it within about 20 ms, or drops it."""
    publisher().put(tenant_id, activity_ids)


@cache
def producer() -> Celery:
    """The sending half of Celery, with timeouts fit for a thread that must not hang."""
    app = Celery("loyalty-producer", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "socket_connect_timeout": 0.5,
        "socket_timeout": 1.0,
        "max_retries": 0,
    }
    return app


def send(tenant_id: int, activity_ids: list[UUID]) -> None:
    """Sends one message at once. Raises what the broker's client raises."""
    producer().send_task(
        "earning.award",
        args=(tenant_id, [str(one) for one in activity_ids]),
        queue="award",
        retry=False,
        ignore_result=True,
    )


class Publisher:
    """One bounded queue of ids and the thread that turns it into messages."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, UUID]] = deque()
        self._some = threading.Event()
        self._shut_until = 0.0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, tenant_id: int, activity_ids: Iterable[UUID]) -> None:
        """Queues ids; what does not fit is left to the sweep."""
        if self._thread is None:
            self._start()
        for one in activity_ids:
            if len(self._waiting) >= MOST_IDS_WAITING:
                metrics.handover_dropped(1)
                continue
            self._waiting.append((tenant_id, one))
        self._some.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="handover", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(GATHER_S)
            self._some.clear()
            by_tenant: dict[int, list[UUID]] = defaultdict(list)
            while self._waiting:
                tenant_id, one = self._waiting.popleft()
                by_tenant[tenant_id].append(one)
            for tenant_id, ids in by_tenant.items():
                for start in range(0, len(ids), MOST_IDS_A_MESSAGE):
                    self._send(tenant_id, ids[start : start + MOST_IDS_A_MESSAGE])

    def _send(self, tenant_id: int, ids: list[UUID]) -> None:
        if time.monotonic() < self._shut_until:
            metrics.handover_dropped(len(ids))
            return
        try:
            send(tenant_id, ids)
        except Exception as error:  # whatever the broker's client raises: the sweep finds the rows
            self._shut_until = time.monotonic() + OPEN_S
            metrics.handover_dropped(len(ids))
            log.warning("wake-up not sent", error=repr(error), dropped=len(ids))


@cache
def publisher() -> Publisher:
    """The publisher of this process."""
    return Publisher()
