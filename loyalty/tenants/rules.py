"""How far a clock goes, how long keys live, when keys are read again: pure."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Duration:
    """A stretch of time: whole months of the calendar, then the exact `rest`."""

    months: int
    rest: timedelta


def later(at: datetime, by: Duration) -> datetime:
    """The instant `by` after `at`; a month after the 31st is the last day of the next month.

    Raises OverflowError beyond the year 9999.
    """
    year, month = divmod(at.year * 12 + at.month - 1 + by.months, 12)
    try:
        day = min(at.day, monthrange(year, month + 1)[1])
        return at.replace(year=year, month=month + 1, day=day) + by.rest
    except ValueError as error:
        raise OverflowError(str(error)) from None


def overlap_ends(expires_at: datetime | None, overlap_end: datetime) -> datetime:
    """When a key ends that is followed by another: after the overlap, and never later than it
    would have."""
    return overlap_end if expires_at is None else min(expires_at, overlap_end)


def life_of_next(
    created_at: datetime, expires_at: datetime | None, at: datetime
) -> datetime | None:
    """When the key ends that follows, from `at` on, one of that life: it lives as long."""
    return None if expires_at is None else at + (expires_at - created_at)


FRESH = timedelta(minutes=10)  # a key that its owner withdrew is believed at most this much longer
BETWEEN_TRIES = timedelta(seconds=30)  # so that no flood of tokens becomes one of calls
BELIEVED = timedelta(hours=24)  # while the owner of the keys does not answer


def must_be_read_again(
    fetched_at: datetime, tried_at: datetime, at: datetime, *, known: bool
) -> bool:
    """Whether keys behind a URL are read again for a token that names one of them, or (not
    `known`) one that is not there: what was just withdrawn or added is seen by that."""
    return at - tried_at >= BETWEEN_TRIES and (not known or at - fetched_at >= FRESH)


def is_stale(fetched_at: datetime, at: datetime) -> bool:
    """Whether keys were read too long ago to be believed."""
    return at - fetched_at > BELIEVED
