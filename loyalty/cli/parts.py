"""The processes of a stack and how each is started and ended; the Procfile says the same."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Threads that wait for the same commit make its group; twice 32 did best (docs/decisions/0009).
BLOCKING_THREADS = 32
#: Connections that one web process holds at once; the next ones wait in the kernel's queue.
_CONNECTIONS = 512
#: Webhooks that one courier serves side by side: a slow one takes up one of them.
_ENDPOINTS_AT_ONCE = 32
_FLOWER_TASKS, _FLOWER_WORKERS = 2_000, 100  # what Flower keeps in memory

#: Celery warns of a worker that runs as root; in a container that is how it is.
_AS_ROOT = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
#: SIGTERM means Celery's soft shutdown: finish what is at hand for 10 s, give back the rest.
_SOFT = {"REMAP_SIGTERM": "SIGQUIT"}


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of process: ended by `ends_by`, killed when it lives `grace_s` longer."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ends_by: signal.Signals = signal.SIGTERM
    grace_s: float = 15.0


def web(host: str, port: int) -> Part:
    """Granian with the Flask app; `LOYALTY_WEB_WORKERS` processes (2)."""
    workers = int(os.environ.get("LOYALTY_WEB_WORKERS", "2"))
    argv = _python("granian", "--interface", "wsgi", "--host", host, "--port", str(port))
    argv += ("--workers", str(workers), "--blocking-threads", str(BLOCKING_THREADS))
    argv += ("--backpressure", str(_CONNECTIONS), "--no-ws", "--http", "1")
    # A killed worker is back within a second, one that does not end is ended.
    argv += ("--respawn-failed-workers", "--respawn-interval", "0.2")
    argv += ("--workers-kill-timeout", "10", "--log-level", "error", "app:app")
    return Part("web", argv, {"GRANIAN_BLOCKING_THREADS": str(BLOCKING_THREADS)})


def worker(concurrency: int = 2) -> Part:
    """Awards what was accepted; prefork, so that a killed child takes one batch with it at most."""
    return _worker("worker", "award", concurrency)


def sweeper() -> Part:
    """Runs beat's ticks; a worker of its own, so that no backlog of awards hides the sweep."""
    return _worker("sweeper", "sweep,time", 1)


def mailer() -> Part:
    """Writes to members: a worker of its own, for it waits for somebody else's server."""
    return _worker("mailer", "mail", 1)


def courier() -> Part:
    """Tells webhooks what happened: threads, for each only waits for somebody else's server."""
    return _worker("courier", "webhooks", _ENDPOINTS_AT_ONCE, pool="threads")


def beat() -> Part:
    """Sends the ticks. It keeps nothing on disk: all intervals are short."""
    argv = (*_celery("beat"), "--scheduler", "celery.beat:Scheduler", "--loglevel", "WARNING")
    return Part("beat", argv, grace_s=5)


def flower(port: int, *, write: bool) -> Part:
    """Flower, for this machine alone; its user and password come by FLOWER_BASIC_AUTH."""
    argv = (*_celery("flower"), "--address=127.0.0.1", f"--port={port}")
    argv += (f"--max-tasks={_FLOWER_TASKS}", f"--max-workers={_FLOWER_WORKERS}")
    argv += ("--purge-offline-workers=60", f"--read-only={not write}", "--logging=error")
    return Part("flower", argv, grace_s=5)


def _worker(name: str, queues: str, concurrency: int, *, pool: str = "prefork") -> Part:
    argv = (*_celery("worker"), "--queues", queues, "--hostname", f"{name}@%h")
    argv += ("--pool", pool, "--concurrency", str(concurrency), "--loglevel", "WARNING")
    # Workers need not know of each other; asking costs a second at the start.
    argv += ("--without-gossip", "--without-mingle")
    return Part(name, argv, {**_SOFT, **_AS_ROOT}, grace_s=20)


def _celery(command: str) -> tuple[str, ...]:
    return _python("celery", "--quiet", "--app", "worker", command)


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)
