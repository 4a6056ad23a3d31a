"""When Python looks for garbage that refers to itself: seldom, and never at what lives for ever.

The modules of a process are half a million objects that each full look would walk through, and a
batch of purchases makes thousands that are gone when it is written. Measured in
docs/decisions/0009: a tenth of what an award costs.
"""

from __future__ import annotations

import gc

_SELDOM = (50_000, 20, 20)


def look_seldom() -> None:
    """For a process that has loaded what it needs, before its first request or task."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
