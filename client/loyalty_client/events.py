"""What happened, as CloudEvents tell it: read from the feed, or sent by a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """`type` says what, `subject` to whom; the events of one subject come in their order.

    `id` is the same however often it is told. `sequence` sorts as the events do, and is a cursor.
    """

    id: str
    source: str
    type: str
    time: datetime
    data: Mapping[str, Any]
    subject: str | None = None
    program: str | None = None
    sequence: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A page of what happened, the oldest first. Read on after `cursor`, also much later, when you
    have kept it with what you made of the events; while `next` is there, there is more already.
    """

    data: tuple[Event, ...]
    next: str | None
    cursor: str
