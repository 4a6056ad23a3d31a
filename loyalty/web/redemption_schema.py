"""How redemptions come in and are told."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

from marshmallow import validates_schema

from loyalty.ledger.rules import Balance
from loyalty.people.redemptions import Spent
from loyalty.redemption.redeem import Redeemed
from loyalty.redemption.rules import Fulfilment, Status
from loyalty.rewards.vouchers import Voucher
from loyalty.web.fields import (
    Choice,
    Currency,
    Id,
    Instant,
    Integer,
    MemberId,
    Money,
    Part,
    Points,
    QueryFlag,
    Schema,
    Slug,
    Text,
    instant_text,
    money_text,
    refuse,
)
from loyalty.web.member_schema import BalanceSchema, shown_balance
from loyalty.web.program_schema import LEAST_MONEY
from loyalty.web.reward_schema import VoucherCode

_LONGEST_HOLD_S = 30 * 24 * 3600
_WAYS = ("points", "amount", "reward")


class HoldSchema(Schema):
    """How long points are set aside: at most 30 days."""

    expires_in_s = Integer(least=1, most=_LONGEST_HOLD_S, required=True)


class RedeemSchema(Schema):
    """What is to be spent: `points`, an `amount` of the program's currency, or a `reward`.

    With `hold` it is set aside, to be captured or released.
    """

    points = Points(least=1)
    amount = Money(least=LEAST_MONEY)
    reward = Slug()
    hold = Part(HoldSchema)

    @validates_schema(skip_on_field_errors=True)
    def _one_way(self, values: dict[str, Any], **_: Any) -> None:
        if sum(way in values for way in _WAYS) != 1:
            raise refuse("one_way", "Exactly one of points, amount and reward is needed.", "points")


class DryRunSchema(Schema):
    """`?dry_run=true` tells what would come of it and writes nothing; `?now=` at what instant."""

    dry_run = QueryFlag(load_default=False)
    now = Instant(load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def _now_of_a_dry_run(self, values: dict[str, Any], **_: Any) -> None:
        if values["now"] is not None and not values["dry_run"]:
            raise refuse("without_dry_run", "Only a dry run chooses its instant.", "now")


class CaptureSchema(Schema):
    """How many points of the hold are spent; the rest is released. Left out: all of them."""

    points = Points(least=1)


class CancelSchema(Schema):
    """How many points are given back; left out: all that are left."""

    points = Points(least=1)
    reason = Text(most=500, load_default=None, allow_none=True)


class ShipSchema(Schema):
    """Where the goods are on their way."""

    tracking = Text(most=200, load_default=None, allow_none=True)


class NothingSchema(Schema):
    """Nothing has to be said."""


class VoucherSchema(Schema):
    """The code that is the member's; `expires_at` null: it is good for ever."""

    code = VoucherCode(required=True)
    expires_at = Instant(required=True, allow_none=True)


class RedemptionSchema(Schema):
    """A redemption: `points`, worth `amount` in `currency`. What it does not have is left out.

    `released` of its points came back from a hold, `cancelled` of those that were spent.
    """

    id = Id(required=True)
    program = Slug(required=True)
    member_id = MemberId(required=True)
    status = Choice(get_args(Status), required=True)
    points = Points(required=True)
    amount = Money(required=True, allow_none=True)
    currency = Currency(required=True, allow_none=True)
    occurred_at = Instant(required=True)
    hold_expires_at = Instant()
    reward = Slug()
    money = Money(metadata={"description": "To be paid besides."})
    voucher = Part(VoucherSchema)
    fulfilment = Choice(get_args(Fulfilment))
    tracking = Text()
    released = Points()
    cancelled = Points()


class RedeemedSchema(RedemptionSchema):
    """A redemption that was made or changed just now, and the balance after it."""

    balance = Part(BalanceSchema, required=True)


class TriedRedemptionSchema(Schema):
    """What a redemption would be. It has no id, and no code is told."""

    status = Choice(get_args(Status), required=True)
    points = Points(required=True)
    amount = Money(required=True, allow_none=True)
    currency = Currency(required=True)
    reward = Slug()
    money = Money()
    balance = Part(BalanceSchema, required=True)


def shown_made(made: Redeemed, program: str, member_id: str) -> dict[str, Any]:
    """A burn as RedeemedSchema says. By hand, for many wait for it."""
    return {
        "id": str(made.id),
        "program": program,
        "member_id": member_id,
        "status": made.status,
        "points": made.points,
        "amount": _money(made.amount),
        "currency": made.currency,
        "occurred_at": instant_text(made.occurred_at),
        **_rest(
            made.hold_expires_at,
            made.reward,
            made.money,
            made.voucher,
            made.fulfilment,
        ),
        "balance": shown_balance(made.balance),
    }


def shown_tried(made: Redeemed) -> dict[str, Any]:
    """A burn that was tried as TriedRedemptionSchema says."""
    return {
        "status": made.status,
        "points": made.points,
        "amount": _money(made.amount),
        "currency": made.currency,
        **_rest(None, made.reward, made.money, None, None),
        "balance": shown_balance(made.balance),
    }


def shown_spent(spent: Spent, balance: Balance | None = None) -> dict[str, Any]:
    """A redemption as RedemptionSchema says; with its balance, as RedeemedSchema."""
    return {
        "id": str(spent.id),
        "program": spent.program,
        "member_id": spent.member_id,
        "status": spent.status,
        "points": spent.points,
        "amount": _money(spent.amount),
        "currency": spent.currency,
        "occurred_at": instant_text(spent.occurred_at),
        **_rest(
            spent.hold_expires_at,
            spent.reward,
            spent.money,
            spent.voucher,
            spent.fulfilment,
        ),
        **{
            name: value
            for name, value in (
                ("tracking", spent.tracking),
                ("released", spent.released),
                ("cancelled", spent.cancelled),
            )
            if value
        },
        **({} if balance is None else {"balance": shown_balance(balance)}),
    }


def _rest(
    hold_expires_at: datetime | None,
    reward: str | None,
    money: Decimal | None,
    voucher: Voucher | None,
    fulfilment: str | None,
) -> dict[str, Any]:
    """What not every redemption has."""
    told: dict[str, Any] = {}
    if hold_expires_at is not None:
        told["hold_expires_at"] = instant_text(hold_expires_at)
    if reward is not None:
        told["reward"] = reward
    if money is not None:
        told["money"] = _money(money)
    if voucher is not None:
        until = voucher.expires_at
        expires_at = None if until is None else instant_text(until)
        told["voucher"] = {"code": voucher.code, "expires_at": expires_at}
    if fulfilment is not None:
        told["fulfilment"] = fulfilment
    return told


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else money_text(amount)
