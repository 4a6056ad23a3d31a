"""A purchase and a member, for conditions to look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import read_condition

AT = datetime(2026, 7, 3, 22, 30, tzinfo=UTC)  # a Friday
BREAD = Line("1", Decimal("6.50"), Decimal(2), "B-1", "Mill", frozenset({"food", "food/bread"}))
WINE = Line("2", Decimal("93.50"), Decimal(1), "W-1", "Hill", frozenset({"drinks"}))
PURCHASE = Purchase("purchase", AT, Decimal(100), "USD", lines=(BREAD, WINE))
MEMBER = MemberFacts(AT - timedelta(days=400), "gold", 700)


def holds(
    condition: object, purchase: Purchase = PURCHASE, member: MemberFacts = MEMBER
) -> list[str]:
    """The ids of the lines for which the condition, as JSON, holds."""
    tree = read_condition(condition, "/when")
    return [line.line_id for line in purchase.counted if tree.holds(purchase, line, member)]
