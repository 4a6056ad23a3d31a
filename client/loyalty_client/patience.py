"""How long a call may take, and how it waits between its tries: plain figures, pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Patience:
    """`total_s` bounds a call with all its tries and pauses; `attempt_s` is for how long a try may
    take. Pauses double from `first_pause_s` to `longest_pause_s`.
    """

    total_s: float = 30.0
    attempt_s: float = 10.0
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0

    def __post_init__(self) -> None:
        if min(self.total_s, self.attempt_s, self.first_pause_s, self.longest_pause_s) <= 0:
            raise ValueError("Every time of a Patience is above zero.")

    def pause_s(self, tries: int, asked_s: float | None, luck: float) -> float:
        """The pause after so many tries: at least what the bank asked for, plus a random part, so
        that not all clients come back in the same instant. `luck` is 0 to 1.
        """
        doubled = self.first_pause_s * 2.0 ** min(tries - 1, _MOST_DOUBLINGS)
        return (asked_s or 0.0) + min(doubled, self.longest_pause_s) * luck


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for: it has a number or a date (RFC 9110)."""
    if header is None:
        return None
    if header.isascii() and header.strip().isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
