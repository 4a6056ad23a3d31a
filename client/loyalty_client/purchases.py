"""What the bank tells of purchases and returns, and why they gave or took what they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty_client.problems import FieldError


@dataclass(frozen=True, slots=True)
class Share:
    """What one promotion gave, or why it gave nothing; `sentence` tells it."""

    promotion: str
    version: int
    base: str
    points: int
    remainder: str
    sentence: str
    multiplier: str | None = None
    would_be: int | None = None
    left: int | None = None
    lines: Mapping[str, int] | None = None
    why_not: str | None = None
    unmet: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a purchase gave its points, or none; `entries` are the ledger's."""

    sentence: str
    given: tuple[Share, ...] = ()
    member: Mapping[str, Any] | None = None
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase and what became of it.

    `status`: accepted, awarded, partly_returned, returned, parked, rejected, failed. While it is
    accepted, only `id` and `status` may be told.
    """

    id: str
    status: str
    program: str | None = None
    source: str | None = None
    transaction_id: str | None = None
    member_id: str | None = None
    kind: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    occurred_at: datetime | None = None
    recorded_at: datetime | None = None
    awarded_at: datetime | None = None
    points: int | None = None
    points_corrected: int = 0
    points_returned: int = 0
    reason: str | None = None
    detail: str | None = None
    park_ends_at: datetime | None = None
    explanation: Explanation | None = None

    @property
    def judged(self) -> bool:
        """Whether the rules have had their say."""
        return self.status != "accepted"


@dataclass(frozen=True, slots=True)
class TriedPurchase:
    """What a purchase would give, and why. Nothing was written."""

    status: str
    points: int | None = None
    reason: str | None = None
    detail: str | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one purchase of a batch: accepted, duplicate, conflict or invalid.

    A duplicate is well: it had come before, with the same content.
    """

    index: int
    outcome: str
    source: str | None = None
    transaction_id: str | None = None
    id: str | None = None
    code: str | None = None
    detail: str | None = None
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class LineBack:
    """A line, and how much of it."""

    line_id: str
    quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Left:
    """What of a purchase could still be returned."""

    lines: tuple[LineBack, ...]
    amount: Decimal


@dataclass(frozen=True, slots=True)
class GaveBack:
    """Points of one promotion that went back; None: the house had given them."""

    promotion: str | None
    version: int | None
    points: int


@dataclass(frozen=True, slots=True)
class TakenFrom:
    """From where points were taken: `own` the purchase had made, `gone` had ended before,
    `let_be` stay with the member."""

    pending: int = 0
    own: int = 0
    gone: int = 0
    available: int = 0
    owed: int = 0
    let_be: int = 0


@dataclass(frozen=True, slots=True)
class ReturnExplanation:
    """What was taken back and from where, or why nothing."""

    sentence: str
    given_back: tuple[GaveBack, ...] = ()
    taken_from: TakenFrom | None = None
    tier_points: int | None = None
    left: Left | None = None
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """A return and what became of it: accepted, waiting (for its purchase), settled, refused or
    failed. While it is accepted or waiting, only `id` and `status` may be told.
    """

    id: str
    status: str
    program: str | None = None
    source: str | None = None
    transaction_id: str | None = None
    return_id: str | None = None
    earn_id: str | None = None
    member_id: str | None = None
    lines: tuple[LineBack, ...] | None = None
    amount: Decimal | None = None
    currency: str | None = None
    occurred_at: datetime | None = None
    recorded_at: datetime | None = None
    settled_at: datetime | None = None
    points: int | None = None
    amount_back: Decimal | None = None
    whole: bool = False
    reason: str | None = None
    detail: str | None = None
    explanation: ReturnExplanation | None = None

    @property
    def judged(self) -> bool:
        """Whether it has been settled or refused; one that waits for its purchase has not."""
        return self.status not in {"accepted", "waiting"}


@dataclass(frozen=True, slots=True)
class TriedReturn:
    """What a return would take back, and from where. Nothing was written."""

    status: str
    points: int | None = None
    amount_back: Decimal | None = None
    reason: str | None = None
    detail: str | None = None
    explanation: ReturnExplanation | None = None
