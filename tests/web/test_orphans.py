"""Of a server whose parent is killed nothing goes on answering. See also tests/faults/kinds.py."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from tests.stack import until

#: A parent and its child, which waits as granian's workers do; the child tells its id.
_FAMILY = """
import multiprocessing, os, signal, sys, threading
from loyalty.web import orphans

def child(stops):
    orphans._LOOK_S = orphans._SUCCESSOR_S = 0.1
    orphans._GRACE_S = 0.5
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stops and told.set())
    orphans.end_with_parent()
    print(os.getpid(), flush=True)
    told.wait()
    print("stopped", flush=True)

one = multiprocessing.get_context("fork").Process(target=child, args=(sys.argv[1] == "stops",))
one.start()
one.join()
"""


@pytest.mark.parametrize(("how", "told"), [("stops", "stopped\n"), ("does not stop", "")])
def test_the_child_of_a_killed_parent_ends(how: str, told: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _FAMILY, how], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
        assert parent.stdout.read() == told  # the child has it too: it ends when both have
    until(lambda: _is_gone(child), "the child to end")


def _is_gone(process: psutil.Process) -> bool:
    """Also when nobody has reaped it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
