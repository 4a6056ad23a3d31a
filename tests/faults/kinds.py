"""What is done to the rig: each kind of fault strikes and returns when all is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from tests.faults.rig import Rig

Strike = Callable[[Rig], None]


def _worker_parent(rig: Rig) -> None:
    rig.kill_parent(rig.stack.worker)


def _worker_children(rig: Rig) -> None:
    rig.kill_children(rig.stack.worker)


def _worker(rig: Rig) -> None:
    rig.kill_all(rig.stack.worker)


def _worker_frozen(rig: Rig) -> None:
    with rig.frozen(rig.stack.worker):
        time.sleep(4)
    rig.wait(rig.stack.worker)


def _web(rig: Rig) -> None:
    rig.kill_all(*rig.webs)


def _web_parent(rig: Rig) -> None:
    rig.kill_parent(rig.stack.web)


def _web_children(rig: Rig) -> None:
    for web in rig.webs:
        rig.kill_children(web)


def _beat_and_sweeper(rig: Rig) -> None:
    rig.kill_all(rig.stack.beat, rig.stack.sweeper)


def _everything(rig: Rig) -> None:
    stack = rig.stack
    rig.kill_all(*rig.webs, stack.worker, stack.sweeper, stack.beat)


def _valkey(rig: Rig) -> None:
    with rig.without_valkey():
        pass
    rig.wait(rig.stack.worker)


def _flushall(rig: Rig) -> None:
    rig.stack.redis.flushall()
    rig.wait(rig.stack.worker)


def _flushall_and_worker(rig: Rig) -> None:
    rig.stack.worker.kill()
    time.sleep(1)  # wake-ups of a whole second are lost
    rig.stack.redis.flushall()
    rig.start(rig.stack.worker)


def _silent_redis(rig: Rig) -> None:
    rig.servers.proxy.swallow()
    time.sleep(4)
    rig.servers.proxy.forward()
    rig.wait(rig.stack.worker)


def _redis_away(rig: Rig) -> None:
    with rig.without_valkey():
        time.sleep(20)
    rig.wait(rig.stack.worker)


def _postgres(rig: Rig) -> None:
    with rig.without_postgres():
        pass


def _postgres_away(rig: Rig) -> None:
    with rig.without_postgres():
        time.sleep(10)


def _rolling_restart(rig: Rig) -> None:
    """SIGTERM, as a service manager does for a new version: one web process after the other."""
    for web in rig.webs:
        web.stop()
        rig.start(web)
    others = rig.stack.worker, rig.stack.sweeper, rig.stack.beat
    for process in others:
        process.stop()
        process.begin()
    rig.wait(*others)


KINDS: Final[dict[str, Strike]] = {
    "worker's parent killed": _worker_parent,
    "worker's children killed": _worker_children,
    "worker killed": _worker,
    "worker frozen for 4 s": _worker_frozen,
    "web killed": _web,
    "web's parent killed": _web_parent,
    "web's children killed": _web_children,
    "beat and sweeper killed": _beat_and_sweeper,
    "all processes killed": _everything,
    "Valkey killed": _valkey,
    "Valkey emptied": _flushall,
    "Valkey emptied, worker killed": _flushall_and_worker,
    "Redis silent for 4 s": _silent_redis,
    "Redis away for 20 s": _redis_away,
    "rolling restart": _rolling_restart,
    # Last, for the first use of a connection that it cut is a 503, whenever that is.
    "Postgres crashed": _postgres,
    "Postgres away for 10 s": _postgres_away,
}
#: One of each sort, for every test run; True: purchases go on coming after it.
SHORT: Final = {
    "worker's parent killed": False,
    "worker's children killed": True,
    "web killed": True,
    "beat and sweeper killed": True,
    "Valkey killed": False,
    "Valkey emptied, worker killed": False,
    "Redis silent for 4 s": False,
    "rolling restart": True,
    "Postgres crashed": True,
}
#: Those after which a request may be told to come again with a 503.
DATABASE_AWAY: Final = {"Postgres crashed", "Postgres away for 10 s"}
