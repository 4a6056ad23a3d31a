"""The stack that tests talk to: the processes of the Procfile, each ours to kill and restart."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import redis
import requests
from celery import Celery
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from loyalty.cli import parts
from loyalty.embedded.process import kill_group, spawn, stop
from loyalty.embedded.valkey import free_port
from tests.servers import Own, Run
from tests.tenant import TestTenant, fresh_tenant

_READY_WITHIN_S = 60.0


class Process:
    """One process of the stack. `start` and `stop` may be called twice; `kill` is SIGKILL."""

    def __init__(
        self,
        part: parts.Part,
        env: Mapping[str, str],
        log: Path,
        ready: Callable[[], bool],
    ) -> None:
        self.part = part
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._env = {**os.environ, **env, **part.env}
        self._ready = ready

    @property
    def pid(self) -> int:
        """The process id of the parent: pool children and web workers are its children."""
        assert self.process is not None, f"{self.part.name} was not started"
        return self.process.pid

    def begin(self) -> None:
        """Starts it and does not wait."""
        if self.process is None or self.process.poll() is not None:
            with self.log.open("ab") as output:
                self.process = spawn(self.part.argv, cwd=parts.ROOT, env=self._env, output=output)

    def start(self) -> None:
        """Starts it and waits until it does its work."""
        self.begin()
        self.wait()

    def wait(self) -> None:
        """Waits until it does its work."""
        until(self._ready, f"{self.part.name} to be ready; see {self.log}", _READY_WITHIN_S)

    def stop(self) -> None:
        """Ends it as a service manager would."""
        if self.process is not None:
            stop(self.process, self.part.ends_by, self.part.grace_s)
            kill_group(self.process)

    def kill(self) -> None:
        """SIGKILL to it and all it started."""
        if self.process is not None:
            kill_group(self.process)
            self.process.wait()


class Stack:
    """Web and worker are running; `sweeper`, `courier` and `beat` when a test starts them."""

    def __init__(self, own: Own) -> None:
        self.own = own
        self.redis = redis.Redis.from_url(own.valkey.url())
        self.broker = Celery(broker=own.valkey.url(), set_as_current=False)
        self.base_url = f"http://127.0.0.1:{(port := free_port())}"
        self.http = requests.Session()
        self.system = create_engine(
            own.environment()["DATABASE_SYSTEM_URL"].replace("://", "+psycopg2://", 1)
        )
        self.web = self.process(parts.web("127.0.0.1", port), self._answers)
        self.worker = self.process(parts.worker(), lambda: self.goes_through("award"))
        self.sweeper = self.process(parts.sweeper(), lambda: self.goes_through("sweep"))
        self.courier = self.process(parts.courier(), lambda: self.goes_through("webhooks"))
        self.beat = self.process(parts.beat(), lambda: bool(self.redis.get("loyalty:heartbeat")))

    def __enter__(self) -> Stack:
        try:
            self.web.begin()
            self.worker.begin()
            self.web.wait()
            self.worker.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.beat, self.web, self.worker, self.sweeper, self.courier):
            process.stop()
        self.http.close()
        self.redis.close()
        self.broker.close()
        self.system.dispose()

    def tenant(self, *, sandbox: bool = False) -> TestTenant:
        """A fresh tenant in this stack's database, with its tokens; a sandbox has a clock."""
        with Session(self.system) as session, session.begin():
            return fresh_tenant(session, sandbox=sandbox)

    def tick(self, task: str, *, queue: str = "sweep") -> None:
        """Sends what beat would send: the name of one of its tasks."""
        self._send(task, queue=queue)

    def goes_through(self, queue: str) -> bool:
        """Whether a canary sent to the queue is taken by its worker within a second."""
        token = uuid4().hex
        self._send("ops.canary", token, queue=queue)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            if self.redis.get(f"loyalty:canary:{token}"):
                return True
            time.sleep(0.01)
        return False

    def _send(self, task: str, *arguments: str, queue: str) -> None:
        """On a connection of its own: one that is kept leaks when a test kills the broker."""
        with self.broker.connection_for_write() as connection:
            self.broker.send_task(task, arguments, queue=queue, expires=5, connection=connection)

    def _answers(self) -> bool:
        try:
            return self.http.get(f"{self.base_url}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    def process(self, part: parts.Part, ready: Callable[[], bool]) -> Process:
        """Another process of this stack; who asks for it stops it."""
        return Process(part, self.own.environment(), self.own.folder / f"{part.name}.log", ready)


@contextlib.contextmanager
def own_servers() -> Iterator[Own]:
    """A Postgres and a Valkey that nothing else uses, to kill and start again."""
    run = Run()
    try:
        run.start()
        own = Own(run.postgres, run.folder, "own")
        own.make_database()
        try:
            yield own
        finally:
            own.valkey.stop()
    finally:
        run.end()


def until(true: Callable[[], bool], what: str, within_s: float = 10.0) -> None:
    """Waits until `true()` is; fails the test, naming what was waited for, when it never is."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {what}"
        time.sleep(0.01)
