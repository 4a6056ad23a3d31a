"""What a promotion says: plain values. Their JSON form stands in `rules_form`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from loyalty.conditions.facts import Ask
from loyalty.conditions.tree import Condition
from loyalty.programs.life_of_points import Expiry, Pending
from loyalty.promotions.worth import Rate, Rounding, Step


class Gives(StrEnum):
    """What a rule gives points for; the names are those of its JSON form."""

    MONEY = "rates"
    ITEM = "per_item"
    VISIT = "per_visit"
    FIXED = "fixed"
    MULTIPLIER = "multiplier"
    NOTHING = "nothing"


class Period(StrEnum):
    """How long a limit counts before it starts again, in the program's time zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many points, and so many uses, per period; None: any number.

    `everyone`: of all members together, which is a budget; else of each member.
    """

    per: Period
    everyone: bool = False
    points: int | None = None
    uses: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a version of a promotion says; its JSON form stands in `rules_form`.

    `rates` by ISO 4217 currency, for money; `rate` for items; `points` for a visit or a fixed
    award; `factor` for a multiplier. `excludes` holds "tax" and "shipping" where they earn
    nothing. `when` None: always.
    """

    gives: Gives = Gives.MONEY
    rates: Mapping[str, Rate] = field(default_factory=dict)
    rate: Rate | None = None
    points: int = 0
    factor: Decimal = Decimal(1)
    kinds: frozenset[str] = frozenset({"purchase"})
    when: Condition | None = None
    asks: frozenset[Ask] = frozenset()  # the facts that `when` reads
    step: Step = Step.PROPORTIONAL
    rounding: Rounding = Rounding.DOWN
    by_line: bool = False  # each line is rounded of its own
    excludes: frozenset[str] = frozenset()
    before_joining: bool = True
    instead: bool = False  # the earn rate does not count for the lines that match
    of_standing: bool = False  # a multiplier of the earn rate's points alone
    compounds: bool = False  # a multiplier of what the multipliers before it made
    priority: int = 0
    exclusive: str | None = None  # of the promotions of this group the best gives
    limits: tuple[Limit, ...] = ()
    pending: Pending | None = None  # None: as the program has it; so for `expiry`
    expiry: Expiry | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a promotion: in force in [starts_at, ends_at); None is open."""

    promotion_id: int
    number: int
    rule: Rule
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    standing: bool = False

    def in_force(self, at: datetime) -> bool:
        """Whether this version judges what occurred at `at`."""
        return (self.starts_at is None or self.starts_at <= at) and (
            self.ends_at is None or at < self.ends_at
        )
