"""A whole stack to be killed: two web processes, all workers, and Redis behind a proxy."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import requests

from loyalty.cli import parts
from loyalty.embedded.valkey import free_port
from tests.faults.proxy import Proxy
from tests.servers import Own, Run
from tests.stack import Process, Stack, until

#: What each process keeps writing to Redis while it works.
_SIGNS = {
    "worker": "loyalty:worker",
    "sweeper": "loyalty:sweeper",
    "beat": "loyalty:heartbeat",
}
_BACK_WITHIN_S = 60.0


class Servers(Own):
    """A Postgres and a Valkey that nothing else uses; processes reach the Valkey by the proxy."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.postgres, run.folder, "own")
        self.proxy = Proxy(urlsplit(self.valkey.url()).port or 0)

    def environment(self) -> dict[str, str]:
        """As for any stack, but for the way to Redis."""
        direct = urlsplit(self.valkey.url())
        by_proxy = direct._replace(netloc=f":{direct.password}@127.0.0.1:{self.proxy.port}")
        return {**super().environment(), "REDIS_URL": by_proxy.geturl()}


class Rig:
    """The processes and servers of one stack, each to be killed and brought back.

    Every act returns when its process does its work again.
    """

    def __init__(self, servers: Servers, stack: Stack) -> None:
        self.servers = servers
        self.stack = stack
        port = free_port()
        self.urls = [stack.base_url, f"http://127.0.0.1:{port}"]
        log = servers.folder / "web-2.log"
        self.second_web = Process(
            parts.web("127.0.0.1", port), servers.environment(), log, lambda: self._answers(1)
        )

    @property
    def webs(self) -> list[Process]:
        """Both web processes."""
        return [self.stack.web, self.second_web]

    def wait(self, *processes: Process) -> None:
        """Waits until each does its work, however long its queue is."""
        signs = [_SIGNS[process.part.name] for process in processes if process not in self.webs]
        if signs:
            self.stack.redis.delete(*signs)
        for process in processes:
            if process in self.webs:
                process.wait()
        until(
            lambda: self.stack.redis.exists(*signs) == len(signs) if signs else True,
            f"a sign of life: {signs}",
            _BACK_WITHIN_S,
        )

    def start(self, *processes: Process) -> None:
        """Starts them and waits until they do their work."""
        for process in processes:
            process.begin()
        self.wait(*processes)

    def kill_parent(self, process: Process) -> None:
        """SIGKILL to the parent alone: what it started finds itself an orphan, and ends."""
        orphans = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        assert process.process is not None
        process.process.wait()
        self.start(process)
        _, alive = psutil.wait_procs(orphans, _BACK_WITHIN_S)
        assert not alive, f"orphans of {process.part.name} go on: {alive}"

    def kill_children(self, process: Process) -> None:
        """SIGKILL to what the parent started; it starts them again by itself."""
        parent = psutil.Process(process.pid)
        killed = parent.children(recursive=True)
        for child in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        until(
            lambda: len({*parent.children(recursive=True)} - {*killed}) >= len(killed),
            f"new children of {process.part.name}",
            _BACK_WITHIN_S,
        )
        self.wait(process)

    def kill_all(self, *processes: Process) -> None:
        """SIGKILL to the parents and all that they started, at once."""
        for process in processes:
            process.kill()
        self.start(*processes)

    @contextlib.contextmanager
    def without_valkey(self) -> Iterator[None]:
        """SIGKILL; in the end it starts again with what its append-only file holds."""
        valkey = self.servers.valkey
        assert valkey.process is not None
        valkey.process.kill()
        valkey.process.wait()
        yield
        valkey.start()

    @contextlib.contextmanager
    def without_postgres(self) -> Iterator[None]:
        """An immediate shutdown: connections end in the middle of what they do."""
        postgres = self.servers.postgres
        assert postgres.process is not None
        postgres.process.send_signal(signal.SIGQUIT)
        postgres.process.wait()
        yield
        postgres.start()

    @contextlib.contextmanager
    def frozen(self, process: Process) -> Iterator[None]:
        """SIGSTOP to the process and all that it started; in the end they go on."""
        parent = psutil.Process(process.pid)
        everyone = [parent, *parent.children(recursive=True)]
        for one in everyone:
            one.suspend()
        yield
        for one in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()

    def _answers(self, number: int) -> bool:
        try:
            return requests.get(f"{self.urls[number]}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """A rig with everything running."""
    run = Run()
    try:
        run.start()
        servers = Servers(run)
        try:
            servers.make_database()
            with Stack(servers) as stack:
                made = Rig(servers, stack)
                try:
                    made.start(made.second_web, stack.sweeper, stack.beat)
                    yield made
                finally:
                    made.second_web.stop()
        finally:
            servers.proxy.close()
            servers.valkey.stop()
    finally:
        run.end()
