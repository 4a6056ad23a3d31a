"""How a program and its tiers come in and are told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from loyalty.programs.mail import LONGEST_WARNING_DAYS, MOST_MILESTONES
from loyalty.programs.member_earns import KINDS
from loyalty.programs.queries import Program
from loyalty.programs.settings import MOST_TIERS, SETTING_NAMES
from loyalty.web.fields import (
    Choice,
    Currency,
    Email,
    Flag,
    Instant,
    Integer,
    Language,
    ListOf,
    Money,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    TimeZone,
    refuse,
)
from loyalty.web.fields.base import Coded
from loyalty.web.life_schema import LONGEST_GRACE_DAYS, ExpirySchema, PendingSchema

LEAST_MONEY = Decimal("0.0001")
_LONGEST_WINDOW_DAYS = 3650
_LONGEST_WAIT_DAYS = 90
_MOST_CURRENCIES = 50
_STEPS = ("proportional", "whole")
_ROUNDINGS = ("down", "half_up", "up")
_EXCLUDES = ("tax", "shipping")
_TIER_WINDOWS = ("ever", "since_joining", "calendar_year", "rolling_12_months")
_TIER_ON = ("points", "spend")
_TIER_FALLS = ("never", "one_down", "to_balance")
_TIER_PERIODS = ("months", "end_of_year", "end_of_next_year")
_LONGEST_TIER_MONTHS = 120
_UNKNOWN_MEMBER = ("park", "reject", "enrol")
_UNLISTED = ("accept", "reject")
_BEFORE_JOINING = ("earn", "nothing")
_GIVE_BACK = ("only_pending", "within_balance", "owed")
_PERIODS = ("day", "week", "month", "year")


class RateSchema(Schema):
    """`points` for each `per` of money."""

    points = Points(least=1, required=True)
    per = Money(least=LEAST_MONEY, required=True)


class Rates(Coded[dict[str, Any]], fields.Dict):
    """Rates by currency; null takes one away."""

    def __init__(self, **kwargs: Any) -> None:
        rate = Part(RateSchema, allow_none=True)
        super().__init__(keys=Currency(), values=rate, validate=_not_too_many, **kwargs)
        self.document(type="object", maxProperties=_MOST_CURRENCIES)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            rates = super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            raise ValidationError(_by_place(error.messages)) from None
        return dict(rates)


def _by_place(messages: Any) -> Any:
    # marshmallow tells {currency: {"key" or "value": …}}: steps that no JSON pointer can take.
    if not isinstance(messages, dict):
        return messages
    return {currency: wrong.get("key") or wrong["value"] for currency, wrong in messages.items()}


def _not_too_many(rates: Mapping[str, Any]) -> None:
    if len(rates) > _MOST_CURRENCIES:
        raise refuse("too_many", f"At most {_MOST_CURRENCIES} currencies are allowed.")


class EarnRateSchema(Schema):
    """What a purchase is worth, in the program's currency and in others. null: the default."""

    points = Points(least=1, allow_none=True)
    per = Money(least=LEAST_MONEY, allow_none=True)
    step = Choice(_STEPS, allow_none=True)
    rounding = Choice(_ROUNDINGS, allow_none=True)
    currencies = Rates(allow_none=True)
    excludes = ListOf(Choice(_EXCLUDES), most=len(_EXCLUDES), allow_none=True)


class BurnRuleSchema(Schema):
    """How points are spent: `points` of them are `worth` that much. null: the default."""

    min_points = Points(least=1, allow_none=True)
    step = Points(least=1, allow_none=True)
    max_points = Points(least=1, allow_none=True, metadata={"description": "null: no limit."})
    points = Points(least=1, allow_none=True)
    worth = Money(least=LEAST_MONEY, allow_none=True)


class ApprovalRuleSchema(Schema):
    """When a second person must agree to an adjustment. null: the default."""

    admin_adjusts_up_to = Points(allow_none=True, metadata={"description": "null: no limit."})
    expires_after_days = Integer(least=1, most=_LONGEST_WAIT_DAYS, allow_none=True)


class TransferRuleSchema(Schema):
    """How many points members may give to each other. null: the default, which is no limit."""

    min_points = Points(least=1, allow_none=True)
    max_points = Points(least=1, allow_none=True)
    max_points_per_period = Points(least=1, allow_none=True)
    period = Choice(_PERIODS, allow_none=True)


class TierPeriodSchema(Schema):
    """How long a tier lasts: `n` months, or to the end of this calendar year, or of the next."""

    kind = Choice(_TIER_PERIODS, allow_none=True)
    n = Integer(least=1, most=_LONGEST_TIER_MONTHS, allow_none=True)


class TierPolicySchema(Schema):
    """What counts for a tier, and when it falls. null: the default."""

    window = Choice(_TIER_WINDOWS, allow_none=True)
    on = Choice(_TIER_ON, allow_none=True, metadata={"description": "spend: in `currency`."})
    fall = Choice(
        _TIER_FALLS, allow_none=True, metadata={"description": "At the end of the tier's period."}
    )
    period = Part(TierPeriodSchema, allow_none=True)
    warn_days = Integer(
        most=LONGEST_WARNING_DAYS,
        allow_none=True,
        metadata={"description": "A tier.will_fall event so long before; 0: none."},
    )


class MailSchema(Schema):
    """What members are written to about, if the house has an SMTP server. null: the default."""

    tier_reached = Flag(allow_none=True)
    reward_redeemed = Flag(allow_none=True)
    milestone_every = Points(
        least=1,
        allow_none=True,
        metadata={"description": "A mail at each multiple of so many available points."},
    )
    milestones = ListOf(Points(least=1), most=MOST_MILESTONES, allow_none=True)
    expiring_days = Integer(
        most=LONGEST_WARNING_DAYS,
        allow_none=True,
        metadata={"description": "A mail so long before points expire; 0: none."},
    )
    language = Language(allow_none=True)
    reply_to = Email(allow_none=True)


class MemberEarnsSchema(Schema):
    """What members may post with their own token. null: the default, which is nothing."""

    kinds = ListOf(Choice(KINDS), most=len(KINDS), allow_none=True)
    per_minute = Integer(most=10_000, allow_none=True, metadata={"description": "0: no limit."})


class _SettingsSchema(Schema):
    """What can be set; null is the default."""

    earn_rate = Part(EarnRateSchema, allow_none=True)
    burn = Part(BurnRuleSchema, allow_none=True)
    pending = Part(PendingSchema, allow_none=True)
    expiry = Part(ExpirySchema, allow_none=True)
    grace_days = Integer(most=LONGEST_GRACE_DAYS, allow_none=True)
    late_window_days = Integer(least=1, most=_LONGEST_WINDOW_DAYS, allow_none=True)
    park_window_days = Integer(least=1, most=_LONGEST_WINDOW_DAYS, allow_none=True)
    unknown_member = Choice(_UNKNOWN_MEMBER, allow_none=True)
    unknown_retailer = Choice(_UNLISTED, allow_none=True)
    unknown_product = Choice(_UNLISTED, allow_none=True)
    before_joining = Choice(_BEFORE_JOINING, allow_none=True)
    give_back = Choice(
        _GIVE_BACK, allow_none=True, metadata={"description": "How far a return reaches."}
    )
    burns_per_minute = Integer(
        most=10_000, allow_none=True, metadata={"description": "For one member; 0: no limit."}
    )
    limit_burns_of_servers = Flag(allow_none=True)
    member_earns = Part(MemberEarnsSchema, allow_none=True)
    support_adjusts_up_to = Points(allow_none=True)
    approval = Part(ApprovalRuleSchema, allow_none=True)
    transfers = Part(TransferRuleSchema, allow_none=True)
    tier_policy = Part(TierPolicySchema, allow_none=True)
    mail = Part(MailSchema, allow_none=True)


class NewProgramSchema(_SettingsSchema):
    """A program to be: `earn_rate` becomes its standing promotion."""

    slug = Slug(required=True)
    name = Text(most=100, required=True)
    unit = Text(most=50, load_default="points")
    currency = Currency(load_default="USD")
    time_zone = TimeZone(load_default="UTC")


class ProgramChangeSchema(_SettingsSchema):
    """A merge patch. Every process obeys within two seconds."""

    name = Text(most=100)
    unit = Text(most=50)
    time_zone = TimeZone()


class ToldEarnRateSchema(Schema):
    """What a purchase is worth."""

    points = Points(required=True)
    per = Money(required=True)
    step = Choice(_STEPS, required=True)
    rounding = Choice(_ROUNDINGS, required=True)
    currencies = Rates(required=True)
    excludes = ListOf(Choice(_EXCLUDES), most=len(_EXCLUDES), required=True)


class ToldBurnRuleSchema(Schema):
    """How points are spent."""

    min_points = Points(required=True)
    step = Points(required=True)
    max_points = Points(required=True, allow_none=True)
    points = Points(required=True)
    worth = Money(required=True)


class ToldApprovalRuleSchema(Schema):
    """When a second person must agree to an adjustment."""

    admin_adjusts_up_to = Points(required=True, allow_none=True)
    expires_after_days = Integer(required=True)


class ToldTransferRuleSchema(Schema):
    """How many points members may give to each other; null: any number."""

    min_points = Points(required=True)
    max_points = Points(required=True, allow_none=True)
    max_points_per_period = Points(required=True, allow_none=True)
    period = Choice(_PERIODS, required=True)


class ToldTierPeriodSchema(Schema):
    """How long a tier lasts; `n` is of months."""

    kind = Choice(_TIER_PERIODS, required=True)
    n = Integer(required=True)


class ToldTierPolicySchema(Schema):
    """What counts for a tier, and when it falls."""

    window = Choice(_TIER_WINDOWS, required=True)
    on = Choice(_TIER_ON, required=True)
    fall = Choice(_TIER_FALLS, required=True)
    period = Part(ToldTierPeriodSchema, required=True)
    warn_days = Integer(required=True)


class ToldMemberEarnsSchema(Schema):
    """What members may post with their own token."""

    kinds = ListOf(Choice(KINDS), most=len(KINDS), required=True)
    per_minute = Integer(required=True)


class ToldMailSchema(Schema):
    """What members are written to about."""

    tier_reached = Flag(required=True)
    reward_redeemed = Flag(required=True)
    milestone_every = Points(required=True, allow_none=True)
    milestones = ListOf(Points(least=1), most=MOST_MILESTONES, required=True)
    expiring_days = Integer(required=True)
    language = Language(required=True)
    reply_to = Email(required=True, allow_none=True)


class ProgramSchema(Schema):
    """A program."""

    slug = Slug(required=True)
    name = Text(required=True)
    unit = Text(required=True)
    currency = Currency(required=True)
    time_zone = TimeZone(required=True)
    status = Choice(("active", "paused"), required=True)
    paused_at = Instant(required=True, allow_none=True)
    paused_reason = Text(required=True, allow_none=True, most=500)
    earn_rate = Part(ToldEarnRateSchema, required=True)
    burn = Part(ToldBurnRuleSchema, required=True)
    pending = Part(PendingSchema, required=True, allow_none=True)
    expiry = Part(ExpirySchema, required=True)
    grace_days = Integer(required=True)
    late_window_days = Integer(required=True)
    park_window_days = Integer(required=True)
    unknown_member = Choice(_UNKNOWN_MEMBER, required=True)
    unknown_retailer = Choice(_UNLISTED, required=True)
    unknown_product = Choice(_UNLISTED, required=True)
    before_joining = Choice(_BEFORE_JOINING, required=True)
    give_back = Choice(_GIVE_BACK, required=True)
    burns_per_minute = Integer(required=True)
    limit_burns_of_servers = Flag(required=True)
    member_earns = Part(ToldMemberEarnsSchema, required=True)
    support_adjusts_up_to = Points(required=True)
    approval = Part(ToldApprovalRuleSchema, required=True)
    transfers = Part(ToldTransferRuleSchema, required=True)
    tier_policy = Part(ToldTierPolicySchema, required=True)
    mail = Part(ToldMailSchema, required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)


class ReasonSchema(Schema):
    """Why, for those who ask later."""

    reason = Text(most=500, required=True)


class TierSchema(Schema):
    """A status level, reached from `threshold` tier-qualifying points on."""

    key = Slug(required=True)
    name = Text(most=100, required=True)
    threshold = Points(required=True)


class TiersSchema(Schema):
    """All tiers of a program; one has the threshold 0."""

    tiers = ListOf(Part(TierSchema), least=1, most=MOST_TIERS, required=True)


class AssignedTierSchema(Schema):
    """The tier a member is put on; it is promised until `until`."""

    tier = Slug(required=True)
    until = Instant(
        load_default=None, allow_none=True, metadata={"description": "null: no promise."}
    )
    reason = Text(most=500, required=True)


_PROGRAM = ProgramSchema()
_OWN = frozenset(_PROGRAM.fields) - SETTING_NAMES


def shown_program(program: Program) -> dict[str, Any]:
    """The program as ProgramSchema says."""
    told = {name: getattr(program, name) for name in _OWN}
    settings = {name: getattr(program.settings, name) for name in SETTING_NAMES}
    shown: dict[str, Any] = _PROGRAM.dump({**told, **settings})
    return shown
