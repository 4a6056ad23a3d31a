"""A server process whose parent was killed ends too.

Nobody would ever tell it to stop, and it would go on answering beside those that came after it,
with the code and the settings of before.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

_LOOK_S = 1.0
_SUCCESSOR_S = 10.0  # until then those who come after it have begun: nobody is turned away
_GRACE_S = 10.0  # as long as granian gives its workers; see --workers-kill-timeout


def end_with_parent() -> None:
    """From now on this process is told to stop some ten seconds after its parent is gone."""
    started_by = multiprocessing.parent_process()  # it may be gone by now
    parent = os.getppid() if started_by is None or started_by.pid is None else started_by.pid
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    time.sleep(_SUCCESSOR_S)
    os.kill(os.getpid(), signal.SIGTERM)  # as its parent would have: what has begun is answered
    time.sleep(_GRACE_S)
    os._exit(1)
