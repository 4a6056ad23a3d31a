"""The Celery app: `celery -A worker worker -Q award`."""

import os
import threading

from celery.signals import worker_shutting_down

from loyalty.tasks import celery as app

__all__ = ["app"]

_IN_TIME_S = 25.0  # `up` has killed it by then; see grace_s in loyalty/cli/parts.py


@worker_shutting_down.connect
def _end_in_time(**_: object) -> None:
    """A worker whose broker is gone says goodbye to it without end, and nobody may be left to kill
    it: all of `up` was killed."""
    last = threading.Timer(_IN_TIME_S, os._exit, (1,))
    last.daemon = True
    last.start()
