"""`loyalty up`: everything on one machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import psutil

from loyalty.cli import parts
from loyalty.cli.console import doing, say, show_line, trouble
from loyalty.cli.reach import must_be_free, reach_postgres, reach_redis
from loyalty.cli.supervisor import Supervisor
from loyalty.cli.surroundings import Stack, forget_stack, read_secret_files, read_stack
from loyalty.cli.trouble import Trouble
from loyalty.config import config
from loyalty.embedded import CannotStart, Postgres, Valkey, claim
from loyalty.embedded.postgres import APP, OWNER, SYSTEM
from loyalty.embedded.valkey import free_port

_READY_WITHIN_S = 90.0
_FLOWER_WITHIN_S = 15.0
_TOO_MANY_DEATHS = 3
_FLOWER_PORT = 5555
_FLOWER_USER = "loyalty"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. `demo` of None: in an embedded database only."""

    host: str
    port: int
    data: Path
    demo: bool | None
    flower_write: bool


def up(wish: Wish) -> None:
    """Runs the stack until it is asked to stop. Raises CannotStart."""
    begun = time.monotonic()
    with ExitStack() as at_the_end:
        data = at_the_end.enter_context(claim(wish.data))
        _end_what_was_left(data)  # first: what a killed run left may still hold the port
        must_be_free(wish.host, wish.port)
        shutil.rmtree(data / "metrics", ignore_errors=True)  # of processes that are gone
        at_the_end.callback(forget_stack, data)
        running = _Running(wish, data)
        at_the_end.callback(running.end)
        running.begin()
        running.wait_until_ready(begun)
        running.show_demo()
        while not running.supervisor.stopping:
            running.watch()
        say("\nStopping; the data stay in " + str(wish.data))


class _Running:
    """A stack that is being started, runs, or is being stopped."""

    def __init__(self, wish: Wish, data: Path) -> None:
        self.wish = wish
        self.data = data
        read_secret_files()
        self.env = dict(os.environ)
        self.supervisor = Supervisor(self.env, show_line, self._tell)
        self.embedded_database = not os.environ.get("DATABASE_URL")
        self.flower_port = _FLOWER_PORT
        address = "127.0.0.1" if wish.host in ("0.0.0.0", "::") else wish.host  # noqa: S104
        address = f"[{address}]" if ":" in address else address
        self.stack = Stack(
            url=f"http://{address}:{wish.port}",
            flower_url="",  # told when it is started: it takes its port last of all
            environment={},
            embedded_database=self.embedded_database,
        )

    def begin(self) -> None:
        """Servers, migrations, then what a purchase needs."""
        self.supervisor.listen_to_signals()
        with doing("Starting Postgres and Valkey") as now_doing:
            self._servers()
            now_doing("Migrating")
            from loyalty.cli.migrate import DEFAULT_TENANT, see_to_tenant, upgrade

            upgrade(os.environ["DATABASE_OWNER_URL"])
            see_to_tenant(DEFAULT_TENANT)
        self.supervisor.start(parts.web(self.wish.host, self.wish.port))
        self.supervisor.start(parts.worker())

    def wait_until_ready(self, begun: float) -> None:
        """Until a canary has gone the way of a purchase's wake-up; then the rest is started.

        Raises CannotStart.
        """
        deadline = time.monotonic() + _READY_WITHIN_S
        with doing("Waiting for a canary to go through the worker"):
            ready = _Canary(self.stack.url)
            while not self.supervisor.stopping and not ready.has_arrived():
                self.supervisor.watch()
                self._see_to_deaths()
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"The stack was not ready within {_READY_WITHIN_S:.0f} s: see the lines "
                        "above, or ask `loyalty doctor`."
                    )
        if not self.supervisor.stopping:
            took_s = time.monotonic() - begun
            for part in self._parts_that_watch():
                self.supervisor.start(part)
            self._welcome(took_s)

    def show_demo(self) -> None:
        """Tenant `demo`: in the embedded database, elsewhere only when it was asked for."""
        wanted = self.embedded_database if self.wish.demo is None else self.wish.demo
        if wanted:
            self._wait_for_flower()
        if wanted and not self.supervisor.stopping:
            from loyalty.cli import demo

            try:
                demo.show(self.stack.url)
            except Trouble as error:  # the stack itself runs
                trouble(f"The demo stopped: {error}")
            say(f"  API, signed in to the demo: {demo.docs_url(self.stack.url)}")

    def watch(self) -> None:
        """One turn. Flower gets another port when somebody took its own while it was away."""
        self.supervisor.watch()
        flower = self.supervisor.children.get("flower")
        if flower is None or flower.start_again_at is None:
            return
        if free_port(self.flower_port) != self.flower_port:
            flower.part = self._flower()
            say(f"  Flower {self.stack.flower_url}")

    def end(self) -> None:
        """Stops all of it, in order."""
        self.supervisor.stop()

    def _servers(self) -> None:
        """The servers that the environment does not name, and the environment they make."""
        new: dict[str, str] = {"LOYALTY_DATA": str(self.data)}
        if self.embedded_database:
            postgres = Postgres(self.data / "postgres")
            self.supervisor.serve("postgres", postgres)
            new["DATABASE_URL"] = postgres.url(APP)
            new["DATABASE_OWNER_URL"] = postgres.url(OWNER)
            new["DATABASE_SYSTEM_URL"] = postgres.url(SYSTEM)
        else:
            for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SYSTEM_URL"):
                new[name] = os.environ.get(name) or os.environ["DATABASE_URL"]
                reach_postgres(name, new[name])
        if os.environ.get("REDIS_URL"):
            new["REDIS_URL"] = os.environ["REDIS_URL"]
            reach_redis(new["REDIS_URL"])
        else:
            valkey = Valkey(self.data / "valkey")
            self.supervisor.serve("valkey", valkey)
            new["REDIS_URL"] = valkey.url()
        os.environ.update(new)
        self.stack = replace(self.stack, environment=new)
        self.env.update(new, PYTHONUNBUFFERED="1")
        if sys.stdout.isatty():
            self.env.setdefault("LOYALTY_LOG", "text")

    def _parts_that_watch(self) -> list[parts.Part]:
        return [
            parts.sweeper(),
            parts.courier(),
            *([parts.mailer()] if config().mail else []),
            parts.beat(),
            self._flower(),
        ]

    def _flower(self) -> parts.Part:
        self.flower_port = free_port(self.flower_port)
        self.stack = replace(self.stack, flower_url=f"http://127.0.0.1:{self.flower_port}")
        password = f"{_FLOWER_USER}:{_kept_password(self.data / 'flower-password')}"
        flower = parts.flower(self.flower_port, write=self.wish.flower_write)
        return replace(flower, env={"FLOWER_BASIC_AUTH": password})

    def _wait_for_flower(self) -> None:
        """A moment, so that who opens it finds the demo's awards: it shows what it has heard."""
        deadline = time.monotonic() + _FLOWER_WITHIN_S
        with doing("Waiting for Flower, which shows what the worker does"):
            while not self.supervisor.stopping and time.monotonic() < deadline:
                if _answers(f"{self.stack.flower_url}/healthcheck"):
                    return
                self.watch()

    def _see_to_deaths(self) -> None:
        for child in self.supervisor.children.values():
            if child.deaths >= _TOO_MANY_DEATHS:
                raise CannotStart(
                    f"{child.part.name} ends as soon as it is started: see its lines above."
                )

    def _tell(self) -> None:
        """Writes stack.json: what other commands need to know of us, as it is now."""
        processes = {"supervisor": _stamp(os.getpid())}
        for name, child in self.supervisor.children.items():
            processes[name] = _stamp(child.process.pid)
        for name, server in self.supervisor.servers.items():
            if server.process is not None:
                processes[name] = _stamp(server.process.pid)
        self.stack = replace(self.stack, processes=processes)
        self.stack.write(self.data)

    def _welcome(self, took_s: float) -> None:
        password = _kept_password(self.data / "flower-password")
        say(f"[bold green]✓[/] ready after {took_s:.1f} s")
        say(f"  API    {self.stack.url}/docs, GraphQL {self.stack.url}/graphql")
        say(f"  Flower {self.stack.flower_url}  (user {_FLOWER_USER}, password {password})")
        say(f"  Health {self.stack.url}/readyz")


class _Canary:
    """Sent once the web answers; it has arrived when the worker wrote so into Redis."""

    def __init__(self, url: str) -> None:
        from loyalty.tasks.queue import client

        self._url = url
        self._token = ""
        self._redis = client()

    def has_arrived(self) -> bool:
        """Whether web and worker both do their work."""
        if not self._token:
            if not _answers(f"{self._url}/readyz"):
                return False
            from loyalty.tasks.ops import canary

            self._token = uuid4().hex
            canary.apply_async((self._token,), queue="award")
        return bool(self._redis.get(f"loyalty:canary:{self._token}"))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _kept_password(file: Path) -> str:
    """Made once, and the same at every start."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as fresh:
            fresh.write(secrets.token_urlsafe(12))
    return file.read_text().strip()


def _stamp(pid: int) -> tuple[int, float]:
    try:
        return pid, psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return pid, 0.0


def _end_what_was_left(data: Path) -> None:
    """Parts of a killed stack, where the kernel did not end them with it (macOS)."""
    left = read_stack(data)
    for name, (pid, started_at) in (left.processes if left else {}).items():
        if name in ("postgres", "valkey"):
            continue  # they see to their own
        try:
            process = psutil.Process(pid)
            if process.create_time() == started_at:
                os.killpg(pid, signal.SIGKILL)
                process.wait(10)
        except (psutil.Error, OSError):
            continue
