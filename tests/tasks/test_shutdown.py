"""A worker that was told to stop ends, whatever it waits for."""

from __future__ import annotations

import subprocess
import sys

from loyalty.cli import parts

_HANGS = """
import threading
import worker
from celery.signals import worker_shutting_down

worker._IN_TIME_S = 0.2
print("hangs", flush=True)
worker_shutting_down.send(sender="a test", sig="SIGTERM", how="warm", exitcode=0)
threading.Event().wait()
"""


def test_a_worker_that_hangs_while_it_stops_ends() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _HANGS],
        cwd=parts.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert (told.returncode, told.stdout) == (1, "hangs\n")
