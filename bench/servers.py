"""The servers and processes that are measured: ours alone, on loopback, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from loyalty.cli.migrate import upgrade
from loyalty.cli.parts import ROOT, Part, web
from loyalty.config import config
from loyalty.db import made_engine
from loyalty.embedded import CannotStart, Postgres, Valkey, claim
from loyalty.embedded.postgres import APP, OWNER, SYSTEM
from loyalty.embedded.process import kill_group, spawn, stop

OUT = ROOT / "bench" / "out"
HOST = "127.0.0.1"
_READY_WITHIN_S = 60.0


class Servers:
    """A Postgres that keeps what it says (fsync on) and a Valkey, on the disk of this tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = Postgres(folder / "postgres")
        self.valkey = Valkey(folder / "valkey")

    def start(self) -> None:
        """Starts both. Commits are stamped, so that a credit's time can be told exactly."""
        self.postgres.start()
        with self.superuser() as connection, connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        self.postgres.stop()
        self.postgres.start()
        self.valkey.start()

    def pids(self) -> dict[str, int]:
        """Their processes, by name."""
        both = {"postgres": self.postgres.process, "valkey": self.valkey.process}
        return {name: process.pid for name, process in both.items() if process is not None}

    def stop(self) -> None:
        """Stops both."""
        self.valkey.stop()
        self.postgres.stop()

    def make_database(self, name: str, template: str = "template1") -> None:
        """A fresh database that the owner of the tables owns."""
        with self.superuser() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")

    @contextlib.contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[extensions.connection]:
        """A connection that commits each statement and that no wall stops."""
        connection = psycopg2.connect(self.postgres.superuser_url(database))
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def environment(self, database: str, number: int) -> dict[str, str]:
        """What points a process at one of the databases and at a Valkey of its own number."""
        return {
            "DATABASE_URL": self.postgres.url(APP, database),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER, database),
            "DATABASE_SYSTEM_URL": self.postgres.url(SYSTEM, database),
            "REDIS_URL": self.valkey.url(number),
            "LOYALTY_DATA": str(self.folder),
            "LOYALTY_LOG": "json",
            "PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics"),
        }


def work_in(servers: Servers, database: str) -> None:
    """Lets this process work in a fresh database, as the house does in its own."""
    servers.make_database(database)
    env = servers.environment(database, 0)
    upgrade(env["DATABASE_OWNER_URL"])
    os.environ.update(env)
    config.cache_clear()
    made_engine.cache_clear()


def give_up_after(seconds: int) -> None:
    """Lets no measurement hang: whatever is at work then raises TimeoutError, and is cleaned up."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, give_up)
    signal.alarm(seconds)


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Fresh servers in a folder of their own; both are gone when it ends."""
    var = ROOT / "var"
    for left in var.glob("bench-*"):
        with contextlib.suppress(CannotStart), claim(left):  # of a killed run: nobody holds it
            shutil.rmtree(left, ignore_errors=True)
    with contextlib.ExitStack() as at_the_end:
        folder = at_the_end.enter_context(claim(var / f"bench-{os.getpid()}"))
        at_the_end.callback(shutil.rmtree, folder, ignore_errors=True)
        running = Servers(folder)
        at_the_end.callback(running.stop)
        running.start()
        yield running


class Database:
    """One database, asked over one connection that stays open: asking must cost little."""

    def __init__(self, servers: Servers, name: str) -> None:
        self.name = name
        self._servers = servers
        self._open = contextlib.ExitStack()
        self._connection: extensions.connection | None = None

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of the answer."""
        if self._connection is None:
            self._connection = self._open.enter_context(self._servers.superuser(self.name))
        with self._connection.cursor() as cursor:
            cursor.execute(question, values or None)
            return cursor.fetchall() if cursor.description else []

    def tidy(self) -> None:
        """Fresh statistics, and no vacuum or checkpoint left over for what is measured next."""
        self.rows("VACUUM ANALYZE")
        self.rows("CHECKPOINT")

    def close(self) -> None:
        """Gives the connection back."""
        self._open.close()


class Processes:
    """Processes with one environment; each one's output is in a log of its own."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._folder = folder
        self.env = {**os.environ, **env}
        self._parts: dict[str, Part] = {}

    def start(self, part: Part) -> None:
        """Starts it; does not wait."""
        self._parts[part.name] = part
        with (self._folder / f"{part.name}.log").open("ab") as log:
            self.running[part.name] = spawn(
                part.argv, cwd=ROOT, env={**self.env, **part.env}, output=log
            )

    def stop(self) -> None:
        """Ends them in the order in which they were started."""
        for name, process in self.running.items():
            stop(process, self._parts[name].ends_by, self._parts[name].grace_s)
            kill_group(process)

    def log(self, name: str) -> str:
        """What it said."""
        return (self._folder / f"{name}.log").read_text(errors="replace")


def served(app: str, name: str, port: int) -> Part:
    """A WSGI app behind granian, with the processes and threads of `loyalty up`."""
    part = web(HOST, port)
    return replace(part, name=name, argv=(*part.argv[:-1], app))


def celery_worker(app: str, name: str, concurrency: int = 2) -> Part:
    """A plain Celery worker."""
    argv = ["-m", "celery", "--quiet", "--app", app, "worker", "--hostname", f"{name}@%h"]
    argv += ["--pool", "prefork", "--concurrency", str(concurrency), "--loglevel", "WARNING"]
    return Part(name, (sys.executable, *argv, "--without-gossip", "--without-mingle"))


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def until(true: Callable[[], bool], what: str, within_s: float = _READY_WITHIN_S) -> None:
    """Waits until it is so. Raises TimeoutError that names what was waited for."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within_s:g} s for {what}")
        time.sleep(0.05)
