"""Processes that we are the parent of: they end when we say so, and when we are killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

_PR_SET_PDEATHSIG = 1
#: Loaded before any fork: the child must not take the import lock.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class CannotStart(Exception):
    """One sentence for a person: what is in the way, and the cure."""


def _bound_to_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child runs before exec so that the kernel signals it when its parent dies."""
    if _LIBC is None:
        return None  # macOS has no such call: the next start stops what a killed stack left
    libc, parent = _LIBC, os.getpid()

    def bind() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died in between
            os.kill(os.getpid(), number)

    return bind


def spawn(
    argv: Sequence[str | Path],
    *,
    on_parent_death: signal.Signals = signal.SIGTERM,
    user: int | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `argv` in a process group of its own; Ctrl-C reaches it only through its parent.

    `user` is a uid to run as (needs root). `output` takes stdout and stderr.
    Call it on the main thread: the kernel counts the end of the starting thread as our death.
    """
    return subprocess.Popen(
        [os.fspath(part) for part in argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        cwd=cwd,
        env=dict(env) if env is not None else None,
        process_group=0,
        user=user,
        group=user,
        extra_groups=[] if user is not None else None,
        preexec_fn=_bound_to_parent(on_parent_death),
    )


def stop(process: subprocess.Popen[bytes], number: signal.Signals, grace_s: float) -> int:
    """Signals a child, waits `grace_s`, then kills its whole group. Returns its exit code."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            return process.wait(grace_s)
        except subprocess.TimeoutExpired:
            kill_group(process)
    return process.wait()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a child and to what it started in its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def stop_orphan(pid: int, folder: Path, number: signal.Signals, grace_s: float = 60) -> bool:
    """Ends the process `pid` if it works in `folder`: a server whose stack was killed.

    A pid alone proves nothing, since the kernel hands it out again. Returns whether it was one.
    """
    try:
        process = psutil.Process(pid)
        if not os.path.samefile(process.cwd(), folder):
            return False
        process.send_signal(number)
        process.wait(grace_s)
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.AccessDenied:
        return False  # another user's process: none of ours
    except psutil.TimeoutExpired:
        raise CannotStart(
            f"Process {pid} of an earlier run still uses {folder} and does not end: kill {pid}."
        ) from None
    return True


def fresh_log(log: Path) -> IO[bytes]:
    """Opens the log of a server that is being started; the last run's is kept as `….old`."""
    if log.exists():
        log.replace(log.with_suffix(".log.old"))
    return log.open("wb")


def last_words(log: Path) -> str:
    """The last line of what a server said, which tells best why it ended."""
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
