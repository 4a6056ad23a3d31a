"""What you tell the bank: money as Decimal, int or text, never a float; instants with an offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

Money = Decimal | int | str


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a member is known by: `kind` card, phone, email or another word."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class NewMember:
    """Who joins. `member_id` is yours and opaque to the bank; `referral_code` is of who brought
    them."""

    member_id: str
    identifiers: Sequence[Identifier] | None = None
    name: str | None = None
    birthday: date | None = None
    time_zone: str | None = None
    attributes: Mapping[str, Any] | None = None
    referral_code: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a purchase; a discount is a line below zero. `quantity` is 1 if left out."""

    line_id: str
    amount: Money
    quantity: Money | None = None
    sku: str | None = None
    category: str | None = None
    brand: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """How a part was paid; what points or vouchers paid earns nothing."""

    kind: Literal["card", "cash", "points", "voucher"]
    amount: Money


@dataclass(frozen=True, slots=True)
class Earn:
    """A purchase, visit or event of a member, who is named by `member_id` or by an `identifier`.

    `source` and `transaction_id` are its name for ever: the same again is the same purchase.
    `items`, `tax` and `shipping` make up the amount.
    """

    source: str
    transaction_id: str
    occurred_at: datetime
    member_id: str | None = None
    identifier: Identifier | None = None
    amount: Money | None = None
    currency: str | None = None
    kind: Literal["purchase", "visit", "event"] = "purchase"
    retailer: str | None = None
    store: str | None = None
    channel: str | None = None
    tax: Money | None = None
    shipping: Money | None = None
    payments: Sequence[Payment] | None = None
    items: Sequence[Item] | None = None
    attributes: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """A line of the purchase, and how much of it comes back; 1 if left out."""

    line_id: str
    quantity: Money | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """What comes back of a purchase: `lines`, or an `amount`; with neither all that is left.

    `return_id` is its name for ever, as a purchase has one. It may come before its purchase.
    """

    source: str
    transaction_id: str
    return_id: str
    lines: Sequence[ReturnLine] | None = None
    amount: Money | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """For how long points are set aside."""

    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Spend:
    """What is spent: points, an amount of money, or what a reward costs."""

    points: int | None = None
    amount: Money | None = None
    reward: str | None = None
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """How many points a capture or a cancellation is of; all if left out."""

    points: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Adjust:
    """Points above zero are given, below zero taken."""

    points: int
    reason: str
