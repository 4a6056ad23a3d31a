"""Waiting until a purchase or a return is judged: a worker does it, a moment after the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from loyalty_client.purchases import Purchase, Returned

Told = TypeVar("Told", Purchase, Returned)

#: For how long the bank itself waits before it answers, at most.
LONGEST_WAIT_S = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0


def look_until_judged(look: Callable[[], Told], within_s: float) -> Told:
    """What `look` tells, once it is judged or the time is up; looks once at least."""
    until = time.monotonic() + within_s
    pause_s = _FIRST_PAUSE_S
    while True:
        told = look()
        left_s = until - time.monotonic()
        if told.judged or left_s <= 0:
            return told
        time.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
