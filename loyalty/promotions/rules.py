"""What a purchase is worth: pure, exact, and the same for ever for the same inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.conditions.tree import Condition

_PLACES = 10_000  # money has four decimal places


class Gives(StrEnum):
    """What a rule gives points for; the names are those of its JSON form."""

    MONEY = "rates"
    ITEM = "per_item"
    VISIT = "per_visit"
    FIXED = "fixed"
    MULTIPLIER = "multiplier"
    NOTHING = "nothing"


class Step(StrEnum):
    """`whole`: only complete steps of `per` count."""

    PROPORTIONAL = "proportional"
    WHOLE = "whole"


class Rounding(StrEnum):
    """What becomes of a fraction of a point."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


class Period(StrEnum):
    """How long a limit counts before it starts again, in the program's time zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


class WhyNot(StrEnum):
    """Why a promotion gave nothing."""

    NOT_A_PURCHASE = "not_a_purchase"
    OTHER_KIND = "other_kind"
    CURRENCY_NOT_ACCEPTED = "currency_not_accepted"
    BEFORE_JOINING = "before_joining"
    NOTHING_PAID = "nothing_paid"
    CONDITION = "condition"  # `unmet` names it
    REPLACED = "replaced"  # another promotion gives instead, for every line
    EXCLUSIVE = "exclusive"  # another promotion of its group gave more
    LIMIT = "limit"  # `limit` is the one that is used up
    NOTHING_TO_MULTIPLY = "nothing_to_multiply"


@dataclass(frozen=True, slots=True)
class Rate:
    """`points` for each `per` of money, or of items."""

    points: int
    per: Decimal


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
    pending: Mapping[str, object] | None = None  # as in a program's settings; None: the program's
    expiry: Mapping[str, object] | None = None


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


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a promotion's limits leave for this purchase: `points`, by the limit of that index."""

    points: int
    limit: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one promotion version gave: `points`, or why not.

    `base` is the money that counted (items, or points, for a rule that counts those).
    `remainder` is the fraction of a point that rounding took (below zero: that it added).
    `would_be`: the points before a limit cut them, None where none did; `left`: what the limits
    left, by the limit of index `limit`; None where the rule has none. `unmet`: the type of the
    condition that did not hold. `lines`: how many of the points each line earned.
    """

    promotion_id: int
    version: int
    base: Decimal
    points: int
    remainder: Decimal = Decimal(0)
    why_not: WhyNot | None = None
    would_be: int | None = None
    left: int | None = None
    limit: int | None = None
    unmet: str | None = None
    lines: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a purchase earns: the shares in the order of their promotions' ids."""

    shares: tuple[Share, ...]

    @property
    def points(self) -> int:
        """The award."""
        return sum(share.points for share in self.shares)

    @property
    def lines(self) -> dict[str, int]:
        """How many of the points each line earned; lines that earned none are left out."""
        total: dict[str, int] = {}
        for share in self.shares:
            for line_id, points in share.lines:
                total[line_id] = total.get(line_id, 0) + points
        return total


def points_for(amount: Decimal, rate: Rate, step: Step, rounding: Rounding) -> tuple[int, Fraction]:
    """Points for `amount` ≥ 0 at `rate`, and the fraction of a point that rounding took away."""
    money = int(amount * _PLACES)
    per = int(rate.per * _PLACES)
    if step is Step.WHOLE:
        whole, rest = divmod(money, per)
        return whole * rate.points, Fraction(rest * rate.points, per)
    points, rest = divmod(money * rate.points, per)
    if rest and (rounding is Rounding.UP or (rounding is Rounding.HALF_UP and 2 * rest >= per)):
        return points + 1, Fraction(rest, per) - 1
    return points, Fraction(rest, per)


def eligible(purchase: Purchase, excludes: frozenset[str]) -> Decimal:
    """What the member really spent: what points or vouchers paid, and what the program leaves
    out, earns nothing. Never below zero."""
    spent = purchase.amount - purchase.paid_otherwise
    if "tax" in excludes:
        spent -= purchase.tax
    if "shipping" in excludes:
        spent -= purchase.shipping
    return max(spent, Decimal(0))


def _share(purchase: Purchase, version: Version, member: MemberFacts) -> Share:
    rule = version.rule
    base = eligible(purchase, rule.excludes)
    rate = rule.rates.get(purchase.currency)
    why_not: WhyNot | None = None
    if purchase.kind != "purchase":
        why_not = WhyNot.NOT_A_PURCHASE
    elif not rule.before_joining and purchase.occurred_at < member.joined_at:
        why_not = WhyNot.BEFORE_JOINING
    elif rate is None:
        why_not = WhyNot.CURRENCY_NOT_ACCEPTED
    elif not base:
        why_not = WhyNot.NOTHING_PAID
    if why_not or rate is None:
        return Share(version.promotion_id, version.number, base, 0, Decimal(0), why_not)
    points, fraction = points_for(base, rate, rule.step, rule.rounding)
    remainder = (
        Decimal(fraction.numerator) / Decimal(fraction.denominator) if fraction else Decimal(0)
    )
    return Share(
        version.promotion_id,
        version.number,
        base,
        points,
        remainder.quantize(Decimal("0.0001")) if remainder else remainder,
    )


def evaluate(
    purchase: Purchase,
    versions: Iterable[Version],
    member: MemberFacts,
    allowances: Mapping[int, Allowance] | None = None,
) -> Decision:
    """What each promotion in force gives, in the order of their ids, however they are listed.

    `allowances` by promotion: what the limits of those that have any leave.
    """
    in_force = [version for version in versions if version.in_force(purchase.occurred_at)]
    in_force.sort(key=lambda version: (version.promotion_id, version.number))
    return Decision(tuple(_share(purchase, version, member) for version in in_force))
