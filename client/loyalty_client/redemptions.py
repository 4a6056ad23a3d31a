"""What the bank tells of points that were spent or set aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from loyalty_client.members import Balance


@dataclass(frozen=True, slots=True)
class Voucher:
    """The code that is the member's; without `expires_at` it is good for ever."""

    code: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Redemption:
    """Points that were spent or set aside. `status`: redeemed, held, captured, released, lapsed,
    cancelled. `balance` is told by what makes or changes a redemption.
    """

    id: str
    program: str
    member_id: str
    status: str
    points: int
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime
    hold_expires_at: datetime | None = None
    reward: str | None = None
    money: Decimal | None = None
    voucher: Voucher | None = None
    fulfilment: str | None = None
    tracking: str | None = None
    released: int = 0
    cancelled: int = 0
    balance: Balance | None = None


@dataclass(frozen=True, slots=True)
class TriedRedemption:
    """What a redemption would be, and the balance after it. Nothing was written."""

    status: str
    points: int
    amount: Decimal | None
    currency: str
    balance: Balance
    reward: str | None = None
    money: Decimal | None = None
