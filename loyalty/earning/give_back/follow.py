"""What follows from a return besides points: tier points, goals of campaigns, limits and budgets
go back too. What a campaign has paid stays paid: see docs/decisions on returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.campaigns import take_back as campaigns
from loyalty.campaigns.rules import Happening
from loyalty.catalogue.queries import facts_of
from loyalty.conditions.facts import Purchase
from loyalty.earning.facts import Facts
from loyalty.earning.give_back.purchase import Judged
from loyalty.earning.give_back.rules import Before, GivenBack
from loyalty.earning.seen import member_from_json
from loyalty.ledger.account import Account
from loyalty.ledger.post import take_tier_points
from loyalty.promotions.limits import give_back_use
from loyalty.tiers.count_again import count_again


@dataclass(frozen=True, slots=True)
class Whose:
    """The membership that stands on the account that gives back."""

    membership_id: int
    joined_at: datetime


_WHOSE = text(
    "SELECT id, joined_at FROM membership"
    " WHERE tenant_id = :tenant AND account_id = :account AND status <> 'merged'"
)


def whose(session: Session, account_id: int) -> Whose | None:
    """Who stands on a locked account."""
    values = {"tenant": session.info["tenant_id"], "account": account_id}
    row = session.execute(_WHOSE, values).one_or_none()
    return None if row is None else Whose(row.id, row.joined_at)


def take_tier_points_back(
    session: Session, account_id: int, points: int, purchase: Judged, member: Whose | None
) -> int:
    """Tier points of an award go back; the tier itself falls only at its period's end.

    Returns how many. Those from before the member joined again ended when they left.
    """
    if not points or member is None or purchase.awarded_at is None:
        return 0
    if purchase.awarded_at < member.joined_at:
        return 0
    return take_tier_points(session, account_id, points)


def follow(
    session: Session,
    row: Row[Any],
    purchase: Judged,
    verdict: GivenBack,
    before: Before,
    account: Account,
    member: Whose | None,
    at: datetime,
) -> None:
    """Once the verdict is written: days that count for a tier, goals, and last of all limits."""
    count_again(session, [account.id])
    if member is not None:
        campaigns.take_back(
            session,
            account_id=account.id,
            membership_id=member.membership_id,
            activity_id=row.activity_id,
            return_id=row.id,
            left=Happening(
                _left(session, row, verdict, before),
                member_from_json(purchase.explanation["member"]),
            ),
            at=at,
        )
    for (promotion, version), points in zip(purchase.promotions, verdict.points, strict=True):
        if promotion is not None and version is not None and (points or verdict.whole):
            give_back_use(
                session,
                promotion,
                version,
                account.id,
                row.bought_at,
                ZoneInfo(row.time_zone),
                points,
                uses=int(verdict.whole),
            )


def _left(session: Session, row: Row[Any], verdict: GivenBack, before: Before) -> Purchase:
    """What of the purchase is not returned; `returned` as its kind when that is nothing."""
    skus = [item.get("sku") for item in (row.body or {}).get("items") or ()]
    facts = Facts(catalogue=facts_of(session, [row.retailer], skus))
    bought = facts.purchase(_Bought.of(row), ZoneInfo(row.time_zone))
    if verdict.whole:
        return bought._replace(kind="returned")
    returned = before.with_(verdict)
    lines = []
    for line in bought.lines:
        kept = line.quantity - returned.quantities.get(line.line_id, Decimal(0))
        if kept > 0 and line.quantity:
            left = line.amount * kept / line.quantity
            lines.append(line._replace(quantity=kept, amount=left))
    return bought._replace(lines=tuple(lines), amount=bought.amount - returned.worth)


@dataclass(frozen=True, slots=True)
class _Bought:
    """A stored activity, as `Facts.purchase` reads it."""

    kind: str
    occurred_at: datetime
    amount: Decimal | None
    currency: str | None
    retailer: str | None
    body: dict[str, Any] | None

    @classmethod
    def of(cls, row: Row[Any]) -> _Bought:
        return cls(row.kind, row.bought_at, row.bought_for, row.currency, row.retailer, row.body)
