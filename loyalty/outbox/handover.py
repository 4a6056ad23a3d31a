"""Wake-ups: which rows of which tenant wait for which task of a worker, told after the commit.

A wake-up may be lost at any point; the row is in Postgres and a sweep finds it.
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
BUSY_GATHER_S = 0.06  # … and in this time while much comes: the workers' share of it counts then
_MUCH = 20  # ids in one gathering
MOST_IDS_WAITING = 20_000
MOST_IDS_A_MESSAGE = 500
#: What time alone makes due. Beat asks for it now and then; a clock that was moved, at once.
_BY_TIME = ("lifecycle.", "earning.park_watch")
OPEN_S = 2.0  # how long the breaker keeps away from a Redis that failed

AWARD = "earning.award"  # the task that purchases wait for; others are named where they are noted

log = logger(__name__)


def note(session: Session, ids: Iterable[UUID], task: str = AWARD) -> None:
    """Remembers in the session which rows are to be handed over to `task` after its commit."""
    session.info.setdefault("woken", {}).setdefault(task, []).extend(ids)


def hand_over(session: Session) -> None:
    """Hands over what `note` gathered. Called by the transaction after its commit."""
    for task, ids in session.info.pop("woken", {}).items():
        wake(session.info["tenant_id"], ids, task)


def wake(tenant_id: int, ids: Iterable[UUID], task: str = AWARD) -> None:
    """Queues a wake-up; the publishing thread sends it within about 20 ms, or drops it."""
    publisher().put(tenant_id, ids, task)


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


def send(tenant_id: int, ids: list[UUID], task: str = AWARD) -> None:
    """Sends one message at once. Raises what the broker's client raises."""
    producer().send_task(
        task,
        args=(tenant_id, [str(one) for one in ids]),
        queue="award",
        retry=False,
        ignore_result=True,
    )


def send_what_time_does() -> None:
    """Sends beat's ticks of what time alone makes due. Raises what the broker's client raises."""
    app = producer()
    for tick in app.conf.beat_schedule.values():
        if tick["task"].startswith(_BY_TIME):
            app.send_task(tick["task"], retry=False, expires=60)  # its route knows the queue


class Publisher:
    """One bounded queue of ids and the thread that turns it into messages."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[tuple[int, str], UUID]] = deque()
        self._some = threading.Event()
        self._shut_until = 0.0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, tenant_id: int, ids: Iterable[UUID], task: str = AWARD) -> None:
        """Queues ids; what does not fit is left to the sweep."""
        if self._thread is None:
            self._start()
        for one in ids:
            if len(self._waiting) >= MOST_IDS_WAITING:
                metrics.handover_dropped(1)
                continue
            self._waiting.append(((tenant_id, task), one))
        self._some.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="handover", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        gather_s = GATHER_S
        while True:
            self._some.wait()
            time.sleep(gather_s)
            self._some.clear()
            gather_s = BUSY_GATHER_S if len(self._waiting) > _MUCH else GATHER_S
            together: dict[tuple[int, str], list[UUID]] = defaultdict(list)
            while self._waiting:
                whose, one = self._waiting.popleft()
                together[whose].append(one)
            for (tenant_id, task), ids in together.items():
                for start in range(0, len(ids), MOST_IDS_A_MESSAGE):
                    self._send(tenant_id, ids[start : start + MOST_IDS_A_MESSAGE], task)

    def _send(self, tenant_id: int, ids: list[UUID], task: str) -> None:
        if time.monotonic() < self._shut_until:
            metrics.handover_dropped(len(ids))
            return
        try:
            send(tenant_id, ids, task)
        except Exception as error:  # whatever the broker's client raises: the sweep finds the rows
            self._shut_until = time.monotonic() + OPEN_S
            metrics.handover_dropped(len(ids))
            log.warning("wake-up not sent", error=repr(error), dropped=len(ids))


_MAKING = threading.Lock()  # one thread makes it; a burst of others takes what it made


def publisher() -> Publisher:
    """The publisher of this process."""
    with _MAKING:
        return made_publisher()


@cache
def made_publisher() -> Publisher:
    """What `publisher` keeps; call that."""
    return Publisher()
