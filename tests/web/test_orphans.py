"""Of a server whose parent is killed nothing goes on answering."""

from __future__ import annotations

import os
import signal

import psutil

from tests.stack import Stack


def test_the_children_of_a_killed_parent_end(stack: Stack) -> None:
    children = psutil.Process(stack.web.pid).children(recursive=True)
    assert children
    os.kill(stack.web.pid, signal.SIGKILL)
    assert stack.web.process is not None
    stack.web.process.wait()
    stack.web.start()
    _, alive = psutil.wait_procs(children, 20)
    assert not alive
