"""Ids that sort by time, so that new rows stand beside each other in the indices."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7) with a 12-bit counter: strictly increasing within a process."""
    global _last
    with _lock:
        stamp = max(time.time_ns() // 1_000_000 << 12, _last + 1)  # ms, then the counter
        _last = stamp
    tail = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
    return UUID(int=(stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | tail)
