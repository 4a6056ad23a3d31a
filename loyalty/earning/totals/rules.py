"""When a day begins and ends, and how far two totals are apart: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Total:
    """How many purchases, and their money."""

    count: int = 0
    amount: Decimal = Decimal(0)

    def __sub__(self, other: Total) -> Total:
        """How much more this is; below zero: how much less."""
        return Total(self.count - other.count, self.amount - other.amount)

    def __add__(self, other: Total) -> Total:
        """Both together."""
        return Total(self.count + other.count, self.amount + other.amount)


NOTHING = Total()


def bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants at which a day of the calendar begins and ends in a zone, in UTC: 23 to 25
    hours apart."""
    first = datetime.combine(day, time(), zone)
    after = datetime.combine(day + timedelta(days=1), time(), zone)
    return first.astimezone(UTC), after.astimezone(UTC)
