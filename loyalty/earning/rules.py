"""What becomes of an accepted purchase before its worth is asked for: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from loyalty.catalogue.rules import lineage
from loyalty.conditions.facts import Ask, Line, MemberFacts, Purchase
from loyalty.earning.seen import member_to_json, place_to_json
from loyalty.promotions.rules import Decision, Share, WhyNot

_NOTHING = Decimal(0)
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
    retailer: str | None = None,
    zone: tzinfo = UTC,
    region: str | None = None,
) -> Purchase:
    """What the rules see of a stored activity, as the till told it; `zone` and `region` are the
    retailer's."""
    if not body:
        return Purchase(
            kind,
            occurred_at,
            amount or _NOTHING,
            currency or "",
            retailer=retailer,
            region=region,
            time_zone=zone,
        )
    return Purchase(
        kind,
        occurred_at,
        amount or _NOTHING,
        currency or "",
        retailer=retailer,
        store=body.get("store"),
        channel=body.get("channel"),
        region=region,
        time_zone=zone,
        attributes=body.get("attributes") or {},
        lines=tuple([_line(item) for item in body["items"]]) if "items" in body else (),
        tax=Decimal(body["tax"]) if "tax" in body else _NOTHING,
        shipping=Decimal(body["shipping"]) if "shipping" in body else _NOTHING,
        paid_otherwise=_otherwise(body["payments"]) if "payments" in body else _NOTHING,
    )


def _otherwise(payments: Iterable[Mapping[str, Any]]) -> Decimal:
    amounts = (Decimal(one["amount"]) for one in payments if one["kind"] in _NOT_SPENT)
    return sum(amounts, _NOTHING)


def _line(item: Mapping[str, Any]) -> Line:
    return Line(
        item["line_id"],
        Decimal(item["amount"]),
        Decimal(item["quantity"]),
        item.get("sku"),
        item.get("brand"),
        frozenset(lineage(item.get("category"))),
    )


_NOT_FOR_THIS = frozenset(
    {
        WhyNot.CURRENCY_NOT_ACCEPTED,
        WhyNot.CONDITION,
        WhyNot.NOT_A_PURCHASE,
        WhyNot.OTHER_KIND,
        WhyNot.NOTHING_TO_MULTIPLY,
    }
)


def refusal(shares: tuple[Share, ...], currency: str | None) -> Setback | None:
    """A purchase in a currency that no promotion in force takes is rejected, not worth 0."""
    why_not = {share.why_not for share in shares}
    if WhyNot.CURRENCY_NOT_ACCEPTED in why_not and why_not <= _NOT_FOR_THIS:
        return Setback(
            "rejected", "currency_not_accepted", f"The program has no earn rate for {currency}."
        )
    return None


def explanation(
    decision: Decision,
    purchase: Purchase | None,
    member: MemberFacts,
    asks: frozenset[Ask] = frozenset(),
) -> dict[str, Any]:
    """What an award stores to be explained and evaluated again: numbers, ids and codes.

    `given`: each promotion that counted for something; `not`: [promotion, version, why not,
    which condition] of the others; `member` and `place`: what the rules asked for.
    """
    given = []
    others: list[Sequence[Any]] = []
    for share in decision.shares:
        why_not = share.why_not
        if why_not is None or why_not not in _SHORT:
            given.append(_given(share))
        elif share.unmet:
            others.append((share.promotion_id, share.version, why_not, share.unmet))
        else:
            others.append((share.promotion_id, share.version, why_not))
    told: dict[str, Any] = {"given": given, "member": member_to_json(member, asks)}
    if others:
        told["not"] = others
    place = place_to_json(purchase, asks) if purchase and asks else None
    if place:
        told["place"] = place
    return told


_SHORT = frozenset({WhyNot.CONDITION, WhyNot.OTHER_KIND, WhyNot.NOTHING_TO_MULTIPLY})


def _given(share: Share) -> dict[str, Any]:
    told: dict[str, Any] = {
        "promotion": share.promotion_id,
        "version": share.version,
        "base": share.base,
        "points": share.points,
    }
    if share.remainder:
        told["remainder"] = share.remainder
    if share.why_not:
        told["why_not"] = share.why_not
    if share.would_be is not None:
        told["would_be"] = share.would_be
    if share.left is not None:
        told |= {"left": share.left, "limit": share.limit}
    if share.lines and share.lines[0][0]:  # the only line of what came without any has no id
        told["lines"] = dict(share.lines)
    return told
