"""It is between these hours, where it occurs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import ClassVar, Self

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.conditions.form import read_object, refuse
from loyalty.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class Hours(Condition):
    """`{"hours": {"from": "17:00", "to": "19:00"}}`, in the retailer's time zone.

    `to` is no longer within; from 22:00 to 02:00 passes midnight.
    """

    key: ClassVar[str] = "hours"
    start: time
    end: time

    @classmethod
    def read(cls, value: object, place: str) -> Self:
        """Two times of day."""
        names = ("from", "to")
        given = read_object(value, place, known=names, required=names)
        start, end = (_time(given[name], f"{place}/{name}") for name in names)
        if start == end:
            raise refuse(f"{place}/to", "empty", "Between a time and the same time is nothing.")
        return cls(start, end)

    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """From `start` on and before `end`."""
        at = purchase.local.time()
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def says(self) -> str:
        """In words."""
        return f"the time is from {self.start:%H:%M} to {self.end:%H:%M}"

    def asks(self) -> frozenset[Ask]:
        """The time zone."""
        return frozenset({(Fact.TIME_ZONE, "")})


def _time(value: object, place: str) -> time:
    try:
        found = time.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        found = None
    if found is None or found.tzinfo or found.second or found.microsecond:
        raise refuse(place, "not_a_time", "A time of day like 17:00 is expected.")
    return found
