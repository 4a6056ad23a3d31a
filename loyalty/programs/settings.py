"""What a program has decided about itself. Pure values, with their form in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Literal

from loyalty.errors import Invalid
from loyalty.programs.life_of_points import (
    NEVER,
    Expiry,
    Pending,
    expiry_from_json,
    pending_from_json,
)
from loyalty.programs.mail import NO_MAIL, Mail, mail_from_json
from loyalty.programs.member_earns import NOTHING, MemberEarns, member_earns_from_json

_MOST_POINTS = 2**53 - 1  # what an account can hold
_MOST_MONEY = Decimal("999999999999.9999")  # what an amount can be


@dataclass(frozen=True, slots=True)
class Rate:
    """`points` for each `per` of money."""

    points: int
    per: Decimal


@dataclass(frozen=True, slots=True)
class EarnRate:
    """What a purchase is worth: `points` for each `per` of the program's currency.

    `currencies` holds the rates of other currencies; `excludes` what earns nothing although it
    was paid ("tax", "shipping"). It becomes the program's standing promotion.
    """

    points: int = 1
    per: Decimal = Decimal(1)
    step: Literal["proportional", "whole"] = "proportional"
    rounding: Literal["down", "half_up", "up"] = "down"
    currencies: Mapping[str, Rate] = field(default_factory=dict)
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BurnRule:
    """How points are spent: `points` of them are `worth` that much of the program's currency.

    Raises Invalid when `max_points` is below `min_points`, or no burn could be made at all.
    """

    min_points: int = 1
    step: int = 1
    max_points: int | None = None
    points: int = 100
    worth: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if self.max_points is not None and self.max_points < self.min_points:
            raise Invalid.field(
                "/burn/max_points", "below_min_points", "max_points is below min_points."
            )
        least = -(-self.min_points // self.step) * self.step
        if self.max_points is not None and least > self.max_points:
            raise Invalid.field(
                "/burn/step",
                "no_burn_possible",
                f"No multiple of {self.step} lies between min_points and max_points.",
            )
        if least > _MOST_POINTS or least * self.worth / self.points > _MOST_MONEY:
            raise Invalid.field(
                "/burn",
                "no_burn_possible",
                f"The smallest burn is {least} points: more than an account or an amount can hold.",
            )


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """When a second person must agree to an adjustment, and for how many days one may wait.

    `admin_adjusts_up_to` is in points, of either sign; None: admins need nobody.
    """

    admin_adjusts_up_to: int | None = None
    expires_after_days: int = 7


@dataclass(frozen=True, slots=True)
class TransferRule:
    """How many points members may give to each other; None: any number.

    `max_points` is for one transfer, `max_points_per_period` for all that one member gives in a
    calendar period of the program's time zone. Raises Invalid when `max_points` is below
    `min_points`.
    """

    min_points: int = 1
    max_points: int | None = None
    max_points_per_period: int | None = None
    period: Literal["day", "week", "month", "year"] = "month"

    def __post_init__(self) -> None:
        for name in ("max_points", "max_points_per_period"):
            most = getattr(self, name)
            if most is not None and most < self.min_points:
                raise Invalid.field(
                    f"/transfers/{name}", "below_min_points", f"{name} is below min_points."
                )


@dataclass(frozen=True, slots=True)
class TierPeriod:
    """How long a tier lasts from when it was reached or kept: `n` months, or to the end of that
    calendar year, or of the next. In the program's time zone."""

    kind: Literal["months", "end_of_year", "end_of_next_year"] = "months"
    n: int = 12


@dataclass(frozen=True, slots=True)
class TierPolicy:
    """What counts for a tier, and when it falls.

    `window`: all that was ever given, or what occurred since the day of joining, in the calendar
    year, in the last 12 months to the day. `on`: points, or money spent in the program's
    currency. `fall`: what happens at the end of a tier's period to who does not reach it any
    more. `warn_days` before that end they are told; 0: never.
    """

    window: Literal["ever", "since_joining", "calendar_year", "rolling_12_months"] = "ever"
    on: Literal["points", "spend"] = "points"
    fall: Literal["never", "one_down", "to_balance"] = "never"
    period: TierPeriod = TierPeriod()
    warn_days: int = 30

    @property
    def by_day(self) -> bool:
        """Whether it must be known on which day something counted; a total does not do."""
        return (self.window, self.on) != ("ever", "points")


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """Everything a program can be told; each has a default. Windows are in days.

    `support_adjusts_up_to` is in points, per adjustment, of either sign. `pending` None: points
    can be spent at once. Points that come back to a lot that has expired live for `grace_days`.
    """

    earn_rate: EarnRate = EarnRate()
    burn: BurnRule = BurnRule()
    pending: Pending | None = None
    expiry: Expiry = NEVER
    grace_days: int = 0
    late_window_days: int = 90
    park_window_days: int = 90
    unknown_member: Literal["park", "reject", "enrol"] = "park"
    unknown_retailer: Literal["accept", "reject"] = "accept"
    unknown_product: Literal["accept", "reject"] = "accept"
    before_joining: Literal["earn", "nothing"] = "earn"
    give_back: Literal["only_pending", "within_balance", "owed"] = "owed"
    burns_per_minute: int = 5
    limit_burns_of_servers: bool = False
    member_earns: MemberEarns = NOTHING
    support_adjusts_up_to: int = 10_000
    approval: ApprovalRule = ApprovalRule()
    transfers: TransferRule = TransferRule()
    tier_policy: TierPolicy = TierPolicy()
    mail: Mail = NO_MAIL


_NESTED = (
    Rate,
    EarnRate,
    BurnRule,
    Pending,
    Expiry,
    ApprovalRule,
    TransferRule,
    TierPeriod,
    TierPolicy,
    Mail,
    MemberEarns,
)
SETTING_NAMES = frozenset(one.name for one in fields(ProgramSettings))


@dataclass(frozen=True, slots=True)
class TierSetting:
    """A status level, reached from `threshold` tier-qualifying points on."""

    key: str
    name: str
    threshold: int


DEFAULT_TIERS = (
    TierSetting("basic", "Basic", 0),
    TierSetting("gold", "Gold", 500),
    TierSetting("platinum", "Platinum", 1000),
)
MOST_TIERS = 50


def settings_to_json(settings: ProgramSettings) -> dict[str, Any]:
    """The stored form: every setting by its name, defaults too; money as decimal strings."""
    return {one.name: _plain(getattr(settings, one.name)) for one in fields(settings)}


def settings_from_json(stored: Mapping[str, Any]) -> ProgramSettings:
    """The settings that `stored` names; what it leaves out, or holds as None, is the default.

    Money may be a string or Decimal. Raises Invalid when the values contradict each other.
    """
    given = {name: value for name, value in stored.items() if value is not None}
    if "earn_rate" in given:
        given["earn_rate"] = _earn_rate(given["earn_rate"])
    if "burn" in given:
        given["burn"] = _burn_rule(given["burn"])
    if "pending" in given:
        given["pending"] = pending_from_json(given["pending"])
    if "expiry" in given:
        given["expiry"] = expiry_from_json(given["expiry"])
    if "approval" in given:
        given["approval"] = ApprovalRule(**_given(given["approval"]))
    if "transfers" in given:
        given["transfers"] = TransferRule(**_given(given["transfers"]))
    if "tier_policy" in given:
        given["tier_policy"] = tier_policy(given["tier_policy"])
    if "member_earns" in given:
        given["member_earns"] = member_earns_from_json(given["member_earns"])
    if "mail" in given:
        given["mail"] = mail_from_json(given["mail"])
    return ProgramSettings(**given)


def _given(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if value is not None}


def tier_policy(stored: Mapping[str, Any]) -> TierPolicy:
    """The policy that `stored` names; what it leaves out, or holds as None, is the default."""
    given = _given(stored)
    if "period" in given:
        given["period"] = TierPeriod(**_given(given["period"]))
    return TierPolicy(**given)


def _earn_rate(stored: Mapping[str, Any]) -> EarnRate:
    given = {name: value for name, value in stored.items() if value is not None}
    if "per" in given:
        given["per"] = Decimal(given["per"])
    if "excludes" in given:
        given["excludes"] = tuple(sorted(set(given["excludes"])))
    given["currencies"] = {
        currency: Rate(rate["points"], Decimal(rate["per"]))
        for currency, rate in given.get("currencies", {}).items()
        if rate is not None
    }
    return EarnRate(**given)


def _burn_rule(stored: Mapping[str, Any]) -> BurnRule:
    given = {name: value for name, value in stored.items() if value is not None}
    if "worth" in given:
        given["worth"] = Decimal(given["worth"])
    return BurnRule(**given)


def _plain(value: object) -> object:
    if isinstance(value, _NESTED):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def check_tiers(tiers: Sequence[TierSetting]) -> None:
    """Raises Invalid unless keys and thresholds are unique and exactly one tier starts at 0."""
    for name in ("key", "threshold"):
        values = [getattr(tier, name) for tier in tiers]
        for index, value in enumerate(values):
            if value in values[:index]:
                raise Invalid.field(
                    f"/tiers/{index}/{name}", "not_unique", f"Another tier has the {name} {value}."
                )
    if all(tier.threshold for tier in tiers):
        raise Invalid.field("/tiers", "no_first_tier", "One tier must have the threshold 0.")
