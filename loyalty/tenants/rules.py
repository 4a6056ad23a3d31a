"""How far a clock goes: pure."""

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
