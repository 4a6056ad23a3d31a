"""When the points of an award can be spent, and until when: pure, in the program's time zone."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from loyalty.programs.life_of_points import NEVER, Expiry, Pending

_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Validity:
    """The life of a lot. The fields are those that `Account.issue` takes.

    `activates_at` None: at once, or, with `once_released`, when somebody releases them; they then
    live as that says. `expires_at` None: never. With `idle_days` every earn or burn moves
    `expires_at` on, so many days after it.
    """

    activates_at: datetime | None = None
    expires_at: datetime | None = None
    idle_days: int | None = None
    once_released: Expiry | None = None


@lru_cache(_MOST_REMEMBERED)  # what a batch judges occurred within few seconds
def validity(
    pending: Pending | None, expiry: Expiry, occurred_at: datetime, at: datetime, zone: str
) -> Validity:
    """The life of points that are awarded at `at` for what occurred at `occurred_at`.

    They wait from when it occurred, at the same time of the day in `zone` (an IANA name), and
    live from when they can be spent: never before `at`, so that nothing expires unseen because
    its purchase arrived late.
    """
    if pending is not None and pending.until is not None:
        return Validity(once_released=expiry)
    activates_at = None
    if pending is not None and pending.days is not None:
        planned = _days_later(occurred_at, pending.days, ZoneInfo(zone))
        activates_at = planned if planned > at else None
    return Validity(
        activates_at=activates_at,
        expires_at=expires_at(expiry, activates_at or at, zone),
        idle_days=expiry.n if expiry.kind == "inactivity" else None,
    )


def expires_at(expiry: Expiry, since: datetime, zone: str) -> datetime | None:
    """When points expire that can be spent since `since`: always later than that; None: never.

    What ends with a day ends with the midnight after it, in `zone`.
    """
    if expiry == NEVER:
        return None
    own = ZoneInfo(zone)
    n = expiry.n or 0
    today = since.astimezone(own).date()
    if expiry.kind == "days":
        return _days_later(since, n, own)
    if expiry.kind == "months":
        local = since.astimezone(own)
        then = datetime.combine(_months_later(today, n), local.time(), own)
        return then.astimezone(UTC)
    return _end_of_last_day(expiry, today, own)


@lru_cache(_MOST_REMEMBERED)
def _end_of_last_day(expiry: Expiry, today: date, zone: ZoneInfo) -> datetime:
    """The same for all points of a day."""
    n = expiry.n or 0
    if expiry.kind == "inactivity":
        return _end_of(today + timedelta(days=n), zone)
    if expiry.kind == "fixed_day":
        return _end_of(_next_day_of_the_year(today, expiry, n), zone)
    months = {"end_of_month": 1, "end_of_quarter": 3, "end_of_year": 12}[expiry.kind]
    first = today.replace(day=1, month=(today.month - 1) // months * months + 1)
    return _midnight(_months_later(first, months * (n + 1)), zone)


def _days_later(since: datetime, days: int, zone: ZoneInfo) -> datetime:
    local = since.astimezone(zone)
    then = local + timedelta(
        days=days
    )  # by the clock on the wall, which may be put forward meanwhile
    return (then.replace(fold=1) if local.fold else then).astimezone(UTC)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def _next_day_of_the_year(today: date, expiry: Expiry, years_later: int) -> date:
    month, day = expiry.month or 1, expiry.day or 1

    def of(year: int) -> date:
        return date(year, month, min(day, calendar.monthrange(year, month)[1]))

    this = of(today.year)
    return of(today.year + years_later + (0 if this >= today else 1))


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return _midnight(day + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
