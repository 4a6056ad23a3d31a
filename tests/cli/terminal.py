"""`loyalty …` as one types it: a process of its own, without the environment of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from loyalty.cli.parts import ROOT
from loyalty.cli.surroundings import Stack, read_stack
from loyalty.embedded.process import spawn
from loyalty.embedded.valkey import free_port
from tests.stack import until

_OURS = ("DATABASE_", "REDIS_", "LOYALTY_", "PROMETHEUS_")
_LOYALTY = (sys.executable, "-m", "loyalty.cli")
READY_WITHIN_S = 100.0


def plain_environment() -> dict[str, str]:
    """What a fresh terminal has."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def loyalty(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [*_LOYALTY, *words],
        cwd=ROOT,
        env={**plain_environment(), **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def refusal(*words: str, **env: str) -> str:
    """The one sentence that a command ends with, and nothing else."""
    ended = loyalty(*words, **env)
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    (sentence,) = ended.stderr.splitlines()
    return sentence


class Up:
    """`loyalty up` in a folder, and what it says."""

    def __init__(self, data: Path, *words: str) -> None:
        self.data = data
        self.port = free_port()
        self._words = words
        self._log = data.with_suffix(".txt")
        self.awards_in_flower: set[str] = set()

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        argv = [*_LOYALTY, "up", "--port", str(self.port), "--data", str(self.data), *self._words]
        with self._log.open("wb") as output:
            self.process = spawn(argv, cwd=ROOT, env=plain_environment(), output=output)
        self.wait_for("ready after")

    def wait_for(self, words: str) -> None:
        """Waits until it has said the words."""

        def has_said() -> bool:
            assert self.process.poll() is None, self.said()
            return words in self.said()

        until(has_said, f"{words!r} in {self._log}", READY_WITHIN_S)

    def said(self) -> str:
        """All it has said since it was started."""
        return self._log.read_text(errors="replace")

    def tells(self) -> Stack:
        """Its stack.json."""
        told = read_stack(self.data)
        assert told is not None
        return told

    def pid(self, name: str) -> int:
        """The process that plays a part now."""
        return self.tells().processes[name][0]

    def interrupt(self) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kill(self) -> None:
        """SIGKILL to the supervisor alone."""
        self.process.kill()
        self.process.wait()
