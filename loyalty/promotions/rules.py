"""What a purchase is worth: pure, exact, and the same for ever for the same inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

_PLACES = 10_000  # money has four decimal places


class Step(StrEnum):
    """`whole`: only complete steps of `per` count."""

    PROPORTIONAL = "proportional"
    WHOLE = "whole"


class Rounding(StrEnum):
    """What becomes of a fraction of a point."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


class WhyNot(StrEnum):
    """Why a promotion gave nothing."""

    NOT_A_PURCHASE = "not_a_purchase"
    CURRENCY_NOT_ACCEPTED = "currency_not_accepted"
    BEFORE_JOINING = "before_joining"
    NOTHING_PAID = "nothing_paid"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the rules see of an activity. Money in `currency`; `paid_otherwise` is what points or
    vouchers paid."""

    kind: str
    occurred_at: datetime
    amount: Decimal = Decimal(0)
    currency: str = ""
    tax: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    paid_otherwise: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rate:
    """`points` for each `per` of money."""

    points: int
    per: Decimal


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a promotion: in force in [starts_at, ends_at); None is open.

    `rates` by ISO 4217 currency; `excludes` holds "tax" and "shipping" where they earn nothing.
    """

    promotion_id: int
    number: int
    rates: Mapping[str, Rate]
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    step: Step = Step.PROPORTIONAL
    rounding: Rounding = Rounding.DOWN
    excludes: frozenset[str] = frozenset()
    before_joining: bool = True

    def in_force(self, at: datetime) -> bool:
        """Whether this version judges what occurred at `at`."""
        return (self.starts_at is None or self.starts_at <= at) and (
            self.ends_at is None or at < self.ends_at
        )


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What the rules see of the member, as it was when the account was locked."""

    joined_at: datetime
    tier: str
    tier_points: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one promotion version gave: `points` from `base` of money, or why not.

    `remainder` is the fraction of a point that rounding took (below zero: that it added).
    """

    promotion_id: int
    version: int
    base: Decimal
    points: int
    remainder: Decimal
    why_not: WhyNot | None = None


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
    base = eligible(purchase, version.excludes)
    rate = version.rates.get(purchase.currency)
    why_not: WhyNot | None = None
    if purchase.kind != "purchase":
        why_not = WhyNot.NOT_A_PURCHASE
    elif not version.before_joining and purchase.occurred_at < member.joined_at:
        why_not = WhyNot.BEFORE_JOINING
    elif rate is None:
        why_not = WhyNot.CURRENCY_NOT_ACCEPTED
    elif not base:
        why_not = WhyNot.NOTHING_PAID
    if why_not or rate is None:
        return Share(version.promotion_id, version.number, base, 0, Decimal(0), why_not)
    points, fraction = points_for(base, rate, version.step, version.rounding)
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
    purchase: Purchase, versions: Iterable[Version], member: MemberFacts
) -> tuple[Share, ...]:
    """What each promotion in force gives, in the order of their ids, however they are listed.

    The award is the sum of the shares' points.
    """
    in_force = [version for version in versions if version.in_force(purchase.occurred_at)]
    in_force.sort(key=lambda version: (version.promotion_id, version.number))
    return tuple(_share(purchase, version, member) for version in in_force)
