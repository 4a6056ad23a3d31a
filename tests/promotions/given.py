"""Promotions and purchases for tests of what they are worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.promotions.rule import Version
from loyalty.promotions.rules_form import read_rule

AT = datetime(2026, 7, 3, 22, 30, tzinfo=UTC)
MEMBER = MemberFacts(AT - timedelta(days=400), "gold", 700)


def line(line_id: str, amount: str, sku: str | None = None, quantity: str = "1") -> Line:
    """A line of a purchase."""
    return Line(line_id, Decimal(amount), Decimal(quantity), sku)


def bought(*lines: Line, more: str = "0", **changes: Any) -> Purchase:
    """A purchase of these lines, and of so much money besides (tax, shipping)."""
    amount = sum((one.amount for one in lines), Decimal(more))
    return Purchase(
        **{
            "kind": "purchase",
            "occurred_at": AT,
            "amount": amount,
            "currency": "USD",
            "lines": lines,
            **changes,
        }
    )


def version(promotion_id: int, *, standing: bool = False, **rule: Any) -> Version:
    """A version whose rule is told as JSON."""
    return Version(promotion_id, 1, read_rule(rule), standing=standing)


def earn_rate(points: int = 1, per: str = "1", **more: Any) -> Version:
    """The standing promotion, whose id is 1."""
    rates = {"USD": {"points": points, "per": per}}
    return version(1, standing=True, rates=rates, **more)


def limit(points: int | None = None, uses: int | None = None, of: str = "member") -> dict[str, Any]:
    """A monthly limit."""
    counts = {"points": points, "uses": uses}
    return {"of": of, "per": "month", **{name: one for name, one in counts.items() if one}}
