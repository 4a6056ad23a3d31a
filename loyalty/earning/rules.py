"""What becomes of an accepted purchase before its worth is asked for: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.promotions.rules import Share, WhyNot

_NOT_SPENT = frozenset({"points", "voucher"})


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a purchase is not awarded now: `status` parked, rejected or failed."""

    status: str
    reason: str
    detail: str
    until: datetime | None = None


def stranger(
    unknown_member: str, park_window_days: int, at: datetime, *, can_join: bool
) -> Setback | None:
    """What happens to a purchase of someone who is not enrolled; None: enrol them.

    `can_join`: named by `member_id`, and never a member before. An identifier alone does not say
    whom to enrol, and a purchase does not bring back who has left.
    """
    if unknown_member == "enrol" and can_join:
        return None
    if unknown_member == "reject":
        return Setback("rejected", "not_enrolled", "The member is not enrolled in the program.")
    return parked("not_enrolled", "Waits for the member to enrol.", park_window_days, at)


def parked(reason: str, detail: str, park_window_days: int, at: datetime) -> Setback:
    """A purchase that goes on when its reason passes, within the park window from `at`, when it
    was recorded: a retry does not make the window longer."""
    return Setback("parked", reason, detail, at + timedelta(days=park_window_days))


def purchase_of(
    kind: str,
    occurred_at: datetime,
    amount: Decimal | None,
    currency: str | None,
    body: Mapping[str, Any] | None,
) -> Purchase:
    """What the rules see of a stored activity."""
    if not body:
        return Purchase(kind, occurred_at, amount or Decimal(0), currency or "")
    return Purchase(
        kind,
        occurred_at,
        amount or Decimal(0),
        currency or "",
        tax=Decimal(body.get("tax") or 0),
        shipping=Decimal(body.get("shipping") or 0),
        paid_otherwise=sum(
            (
                Decimal(payment["amount"])
                for payment in body.get("payments") or ()
                if payment["kind"] in _NOT_SPENT
            ),
            Decimal(0),
        ),
    )


def refusal(shares: tuple[Share, ...], currency: str | None) -> Setback | None:
    """A purchase in a currency that no promotion in force takes is rejected, not worth 0."""
    if shares and all(share.why_not is WhyNot.CURRENCY_NOT_ACCEPTED for share in shares):
        return Setback(
            "rejected", "currency_not_accepted", f"The program has no earn rate for {currency}."
        )
    return None


def explanation(shares: tuple[Share, ...], member: MemberFacts) -> dict[str, Any]:
    """What an award stores to be explained and evaluated again: numbers, ids and codes.

    The purchase's values are read again from its activity; only the member's are copied.
    """
    given = []
    for share in shares:
        one: dict[str, Any] = {
            "promotion": share.promotion_id,
            "version": share.version,
            "base": share.base,
            "points": share.points,
        }
        if share.remainder:
            one["remainder"] = share.remainder
        if share.why_not:
            one["why_not"] = share.why_not
        given.append(one)
    return {
        "given": given,
        "member": {
            "joined_at": member.joined_at,
            "tier": member.tier,
            "tier_points": member.tier_points,
        },
    }
