"""Keeps the parts of a stack alive, shows what they say, and ends them in order."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from loyalty.cli.parts import ROOT, Part
from loyalty.embedded.process import kill_group, spawn

Show = Callable[[str, str], None]  # whose line it is, and the line

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.2, 10.0
_LIVED_WELL_S = 10.0  # who lived this long is restarted at once again
_TICK_S = 0.1


class Server(Protocol):
    """An embedded server: started before the parts, stopped after them."""

    process: subprocess.Popen[bytes] | None

    def start(self) -> None:
        """Starts it, and waits until it answers."""

    def stop(self) -> None:
        """Ends it cleanly."""


@dataclass(slots=True)
class Child:
    """A part, the process that plays it now, and how soon it may be started again."""

    part: Part
    process: subprocess.Popen[bytes]
    started_at: float
    delay_s: float = _FIRST_DELAY_S
    start_again_at: float | None = None
    deaths: int = 0


class Supervisor:
    """One thread: the kernel signals our children when the thread that started them ends."""

    def __init__(self, env: Mapping[str, str], show: Show, changed: Callable[[], None]) -> None:
        """`changed` is called whenever a process was started."""
        self.children: dict[str, Child] = {}
        self.servers: dict[str, Server] = {}
        self._env = env
        self._show = show
        self._changed = changed
        self._selector = selectors.DefaultSelector()
        self._unfinished: dict[int, bytes] = {}  # by pipe: a line that has not ended yet
        self._asked_to_stop = 0

    def listen_to_signals(self) -> None:
        """Ctrl-C and SIGTERM ask for a clean stop; the second one ends everything at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._asked_to_stop > 0

    def serve(self, name: str, server: Server) -> None:
        """Starts an embedded server, and again whenever it dies."""
        server.start()
        self.servers[name] = server

    def start(self, part: Part) -> None:
        """Starts a part, and again whenever it dies."""
        self.children[part.name] = Child(part, self._spawn(part), time.monotonic())
        self._changed()

    def watch(self) -> None:
        """One turn, a tenth of a second at most: shows lines, restarts who died."""
        self._show_lines(_TICK_S)
        if self.stopping:
            return
        for name, server in self.servers.items():
            if server.process is not None and server.process.poll() is not None:
                self._show(name, f"ended with {server.process.returncode}; starting it again")
                server.start()
                self._changed()
        for child in self.children.values():
            self._restart_if_dead(child)

    def stop(self) -> None:
        """Web first, so that nothing new is accepted; then the others; the servers last."""
        everybody = list(self.children.values())
        self._end([child for child in everybody if child.part.name == "web"])
        self._end([child for child in everybody if child.part.name != "web"])
        self._show_lines(0)  # their last words
        for key in list(self._selector.get_map().values()):
            self._forget(key)
        for server in reversed(self.servers.values()):
            server.stop()

    def _ask_to_stop(self, *_: object) -> None:
        self._asked_to_stop += 1

    def _spawn(self, part: Part) -> subprocess.Popen[bytes]:
        process = spawn(part.argv, cwd=ROOT, env={**self._env, **part.env}, output=subprocess.PIPE)
        assert process.stdout is not None  # noqa: S101 - asked for one line above
        pipe = process.stdout
        self._selector.register(pipe, selectors.EVENT_READ, (part.name, pipe))
        return process

    def _restart_if_dead(self, child: Child) -> None:
        if (code := child.process.poll()) is None:
            return
        now = time.monotonic()
        if child.start_again_at is None:
            kill_group(child.process)  # what it started must not hold its port or its queue
            lived_well = now - child.started_at > _LIVED_WELL_S
            child.delay_s = (
                _FIRST_DELAY_S if lived_well else min(child.delay_s * 2, _LONGEST_DELAY_S)
            )
            child.deaths = 1 if lived_well else child.deaths + 1
            child.start_again_at = now + child.delay_s
            self._show(child.part.name, f"ended with {code}; again in {child.delay_s:.1f} s")
        elif now >= child.start_again_at:
            child.process, child.started_at = self._spawn(child.part), now
            child.start_again_at = None
            self._changed()

    def _end(self, children: Sequence[Child]) -> None:
        """Signals them all, waits for each no longer than it may take, kills who is left."""
        for child in children:
            if child.process.poll() is None:
                child.process.send_signal(child.part.ends_by)
        begun, asked = time.monotonic(), self._asked_to_stop
        for child in children:
            deadline = begun + child.part.grace_s
            while child.process.poll() is None and time.monotonic() < deadline:
                if self._asked_to_stop > max(asked, 1):
                    break  # asked again: now
                self._show_lines(_TICK_S)
            kill_group(child.process)
            child.process.wait()

    def _show_lines(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            name, _ = key.data
            said = os.read(key.fd, 65536)
            so_far = self._unfinished.pop(key.fd, b"") + said
            *lines, rest = so_far.split(b"\n")
            if said:
                self._unfinished[key.fd] = rest
            else:  # it has ended
                lines = [rest] if rest else []
                self._forget(key)
            for line in lines:
                self._show(name, line.decode(errors="replace"))

    def _forget(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fileobj)
        key.data[1].close()
