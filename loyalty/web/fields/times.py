"""Instants and days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from loyalty.tenants.rules import Duration
from loyalty.web.fields.base import Coded, refuse

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DURATION = re.compile(
    r"P(?=.)(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,4})D)?"
    r"(?:T(?=.)(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})S)?)?"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Instant(Coded[datetime]):
    """RFC 3339 with an offset. Loads to UTC, to the microsecond; dumps as `…Z`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(type="string", format="date-time")

    def _deserialize(self, value: object, *_: object, **__: object) -> datetime:
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            try:
                return datetime.fromisoformat(value.upper()).astimezone(UTC)
            except (ValueError, OverflowError):
                pass  # the 31st of June, or the year 0 in UTC
        raise refuse(
            "not_an_instant", "A time with its offset is expected: 2026-07-01T12:00:00+02:00."
        )

    def _serialize(self, value: datetime | None, *_: object, **__: object) -> str | None:
        return None if value is None else instant_text(value)


def instant_text(instant: datetime) -> str:
    """The one way an instant is written: UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Day(Coded[date]):
    """A day of the calendar: 1990-02-28."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(type="string", format="date")

    def _deserialize(self, value: object, *_: object, **__: object) -> date:
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass  # the 30th of February
        raise refuse("not_a_day", "A day like 1990-02-28 is expected.")

    def _serialize(self, value: date | None, *_: object, **__: object) -> str | None:
        return None if value is None else value.isoformat()


class Iso8601Duration(Coded[Duration]):
    """A stretch of time as ISO 8601 writes it: P30D, P1Y, PT36H. More than nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(type="string", format="duration", maxLength=50, examples=["P30D"])

    def _deserialize(self, value: object, *_: object, **__: object) -> Duration:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise refuse("not_a_duration", "A duration in whole units is expected: P30D, PT36H.")
        years, months, weeks, days, hours, minutes, seconds = (
            int(one or 0) for one in found.groups()
        )
        rest = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not (years or months or rest):
            raise refuse("too_short", "More than nothing is expected.")
        return Duration(years * 12 + months, rest)

    def _serialize(self, *_: object, **__: object) -> None:
        raise NotImplementedError("durations only come in")
