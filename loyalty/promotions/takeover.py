"""When versions of one promotion follow each other: pure. At no instant are two in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A published version is in force in [starts_at, ends_at); None is open."""

    number: int
    starts_at: datetime | None
    ends_at: datetime | None

    @property
    def begins(self) -> bool:
        """Whether it is ever in force."""
        return self.starts_at is None or self.ends_at is None or self.starts_at < self.ends_at


def take_over(
    start: datetime, end: datetime | None, others: Iterable[Span]
) -> tuple[datetime | None, dict[int, datetime]]:
    """When a version that starts at `start` ends, and which others end with its start.

    Each version is in force until the next one starts: those before it end, one that would have
    started with it never does, and it ends where a later one starts. What came before `start` is
    judged as it was.
    """
    ended: dict[int, datetime] = {}
    for other in others:
        if not other.begins:
            continue
        if other.starts_at is not None and other.starts_at > start:
            end = other.starts_at if end is None else min(end, other.starts_at)
        elif other.ends_at is None or other.ends_at > start:
            ended[other.number] = start
    return end, ended


def end_all(at: datetime, spans: Iterable[Span]) -> dict[int, datetime]:
    """When the versions end that would be in force after `at`: then, or before they begin."""
    return {
        span.number: at if span.starts_at is None else max(at, span.starts_at)
        for span in spans
        if span.begins and (span.ends_at is None or span.ends_at > at)
    }
