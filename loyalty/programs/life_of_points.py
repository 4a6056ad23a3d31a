"""How long points wait and how long they live, as a program or a promotion has decided it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from loyalty.errors import Invalid

ExpiryKind = Literal[
    "never",
    "days",
    "months",
    "end_of_month",
    "end_of_quarter",
    "end_of_year",
    "fixed_day",
    "inactivity",
]
EXPIRY_KINDS: tuple[ExpiryKind, ...] = get_args(ExpiryKind)
LONGEST_PENDING_DAYS = 3650
#: The largest `n` of each kind that takes one: a hundred years.
MOST_N: Mapping[ExpiryKind, int] = {
    "days": 36_500,
    "months": 1200,
    "end_of_month": 1200,
    "end_of_quarter": 400,
    "end_of_year": 100,
    "fixed_day": 100,
    "inactivity": 36_500,
}
_NEEDS_N = frozenset({"days", "months", "inactivity"})
_LAST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Pending:
    """Points wait for `days` after the purchase, or until somebody releases them."""

    days: int | None = None
    until: Literal["released"] | None = None

    def __post_init__(self) -> None:
        if (self.days is None) == (self.until is None):
            raise Invalid.field(
                "/pending", "days_or_until", "Points wait for days, or until they are released."
            )


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long points live once they can be spent.

    `days`, `months`: so many after that. `inactivity`: `n` whole days after the member's last
    earn or burn. `end_of_…`: to the end of this month, quarter or year, or `n` further ones.
    `fixed_day`: to the end of the next `day` of `month`, or `n` years later.
    """

    kind: ExpiryKind = "never"
    n: int | None = None
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        fixed, needs_n = self.kind == "fixed_day", self.kind in _NEEDS_N
        _expect(self.kind, "month", self.month, needed=fixed, allowed=fixed)
        _expect(self.kind, "day", self.day, needed=fixed, allowed=fixed)
        _expect(self.kind, "n", self.n, needed=needs_n, allowed=self.kind in MOST_N)
        if self.n is not None and not needs_n <= self.n <= MOST_N[self.kind]:
            raise Invalid.field(
                "/expiry/n",
                "out_of_range",
                f"{self.kind} takes n from {int(needs_n)} to {MOST_N[self.kind]}.",
            )
        if self.month and self.day and self.day > _LAST_DAYS[self.month - 1]:
            raise Invalid.field("/expiry/day", "no_such_day", f"Month {self.month} is shorter.")


def _expect(kind: str, name: str, value: int | None, *, needed: bool, allowed: bool) -> None:
    if value is None and needed:
        raise Invalid.field(f"/expiry/{name}", "missing", f"{kind} takes {name}.")
    if value is not None and not allowed:
        raise Invalid.field(
            f"/expiry/{name}", "not_taken", f"{kind} takes no {name}; leave it out or set null."
        )


NEVER = Expiry()


def pending_from_json(stored: Mapping[str, Any] | None) -> Pending | None:
    """What a program or a promotion stores as `pending`. Raises Invalid (/pending/…)."""
    given = _given(stored)
    return Pending(**given) if given else None


def expiry_from_json(stored: Mapping[str, Any] | None) -> Expiry:
    """What a program or a promotion stores as `expiry`. Raises Invalid (/expiry/…)."""
    return Expiry(**_given(stored))


def _given(stored: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (stored or {}).items() if value is not None}


def life_to_json(one: Pending | Expiry) -> dict[str, Any]:
    """The stored form; what it does not take is left out."""
    named = {field.name: getattr(one, field.name) for field in fields(one)}
    return {name: value for name, value in named.items() if value is not None}
