"""What conditions see of a purchase and of a member: plain values, filled by the verb above.

Only what a rule asks for is filled in, and only that is stored with an award: `Ask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Fact(StrEnum):
    """A fact that costs a read, so that it is loaded only for a rule that asks for it."""

    BRAND = "brand"  # of a line: as the till says, else of the catalogue
    CATEGORY = "category"  # of a line: of the till and of the catalogue, and all above
    REGION = "region"  # of the retailer
    TIME_ZONE = "time_zone"  # of the retailer, else of the program
    ATTRIBUTE = "attribute"  # of the member
    SEGMENT = "segment"
    BOOST = "boost"  # by which campaigns
    BIRTHDAY = "birthday"
    JOINING_DAY = "joining_day"
    FIRST_PURCHASE = "first_purchase"
    INACTIVE = "inactive"


_NONE: Mapping[str, object] = MappingProxyType({})

#: A fact and which of it: (CATEGORY, "food/bread"); the name is "" where there is one only.
Ask = tuple[Fact, str]


class Line(NamedTuple):
    """One line of a purchase; a discount is a line below zero. Money in the purchase's currency."""

    line_id: str
    amount: Decimal
    quantity: Decimal = Decimal(1)
    sku: str | None = None
    brand: str | None = None
    categories: frozenset[str] = frozenset()  # its category and all above it, as paths


class Purchase(NamedTuple):
    """What the rules see of an activity. Money in `currency`; `paid_otherwise` is what points or
    vouchers paid; `time_zone` is the retailer's, else the program's."""

    kind: str
    occurred_at: datetime
    amount: Decimal = Decimal(0)
    currency: str = ""
    tax: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    paid_otherwise: Decimal = Decimal(0)
    lines: tuple[Line, ...] = ()
    retailer: str | None = None
    store: str | None = None
    channel: str | None = None
    region: str | None = None
    time_zone: tzinfo = UTC
    attributes: Mapping[str, object] = _NONE

    @property
    def counted(self) -> tuple[Line, ...]:
        """Its lines; what came without any is one line."""
        return self.lines or (Line("", self.amount - self.tax - self.shipping),)

    @property
    def local(self) -> datetime:
        """When it occurred, where it occurred."""
        return self.occurred_at.astimezone(self.time_zone)


class MemberFacts(NamedTuple):
    """What the rules see of the member, as it was when the account was locked.

    None is unknown. `days_from_*`: from the nearest such day to the purchase's, below zero
    before it. `inactive_days`: whole days since the last activity before, else since joining.
    """

    joined_at: datetime
    tier: str
    tier_points: int
    attributes: Mapping[str, object] = _NONE
    segments: frozenset[str] = frozenset()
    boosts: frozenset[str] = frozenset()  # the campaigns whose boost is in force
    first_purchase: bool | None = None
    inactive_days: int | None = None
    days_from_birthday: int | None = None
    days_from_joining: int | None = None


def days_from(anniversary: date, day: date) -> int:
    """Days from the nearest return of `anniversary` to `day`, below zero before it.

    29 February returns on the 28th in other years.
    """
    returns = [_in_year(anniversary, day.year + years) for years in (-1, 0, 1)]
    return min(((day - one).days for one in returns), key=abs)


def _in_year(anniversary: date, year: int) -> date:
    try:
        return anniversary.replace(year=year)
    except ValueError:
        return anniversary.replace(year=year, day=28)
