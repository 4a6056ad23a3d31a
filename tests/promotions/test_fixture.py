"""Fixtures are read strictly: what makes no sense is named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from loyalty.errors import Invalid
from loyalty.promotions.fixture import Bought, Buyer, Fixture, read_fixtures


def test_a_fixture_is_a_purchase_a_member_and_points() -> None:
    told: dict[str, Any] = {
        "purchase": {
            "items": [
                {"sku": "W-1", "amount": "20", "quantity": 2},
                {"category": "food", "brand": "Mill", "line_id": "x", "amount": "-1.50"},
            ],
            "tax": "1",
            "retailer": "r-1",
            "occurred_at": "2026-07-01T12:00:00Z",
            "payments": [{"kind": "voucher", "amount": 3}],
        },
        "member": {"tier": "gold", "birthday": "1990-02-28", "segments": ["vip"]},
        "points": 37,
        "because": {"standing": 20, "summer": 17},
    }
    items = [
        {"line_id": "1", "amount": Decimal(20), "quantity": Decimal(2), "sku": "W-1"},
        {
            "line_id": "x",
            "amount": Decimal("-1.50"),
            "quantity": Decimal(1),
            "category": "food",
            "brand": "Mill",
        },
    ]
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    body = {
        "tax": Decimal(1),
        "items": items,
        "payments": [{"kind": "voucher", "amount": Decimal(3)}],
        "attributes": {},
    }
    assert read_fixtures([told]) == (
        Fixture(
            Bought("purchase", Decimal("19.50"), None, at, "r-1", body),
            Buyer("gold", 0, None, date(1990, 2, 28), {}, frozenset({"vip"})),
            37,
            {"standing": 20, "summer": 17},
        ),
    )


def test_a_member_and_the_reasons_may_be_left_out() -> None:
    [read] = read_fixtures([{"purchase": {"amount": "5"}, "points": 5}])
    assert (read.buyer, read.because) == (Buyer(attributes={}), {})
    assert (read.bought.amount, read.bought.occurred_at) == (Decimal(5), None)
    assert read_fixtures([]) == ()


@pytest.mark.parametrize(
    ("fixture", "pointer", "code"),
    [
        ({"points": 1}, "/purchase", "required"),
        ({"purchase": {}}, "/points", "required"),
        ({"purchase": {}, "points": -1}, "/points", "out_of_range"),
        ({"purchase": {}, "points": "1"}, "/points", "not_an_integer"),
        ({"purchase": {"colour": 1}, "points": 1}, "/purchase/colour", "unknown_field"),
        ({"purchase": {"amount": 1.5}, "points": 1}, "/purchase/amount", "not_a_number"),
        ({"purchase": {"kind": "gift"}, "points": 1}, "/purchase/kind", "not_a_choice"),
        ({"purchase": {"currency": "euro"}, "points": 1}, "/purchase/currency", "not_a_currency"),
        (
            {"purchase": {"amount": "3", "items": [{"amount": "2"}]}, "points": 1},
            "/purchase/amount",
            "does_not_add_up",
        ),
        ({"purchase": {"items": [{}]}, "points": 1}, "/purchase/items/0/amount", "required"),
        (
            {"purchase": {"payments": [{"kind": "x", "amount": "1"}]}, "points": 1},
            "/purchase/payments/0/kind",
            "not_a_choice",
        ),
        (
            {"purchase": {"occurred_at": "2026-07-01T12:00:00"}, "points": 1},
            "/purchase/occurred_at",
            "not_an_instant",
        ),
        ({"purchase": {}, "points": 1, "member": {"age": 1}}, "/member/age", "unknown_field"),
        ({"purchase": {}, "points": 1, "because": {"x": "1"}}, "/because/x", "not_an_integer"),
        ({"purchase": {}, "points": 1, "because": "x"}, "/because", "not_an_object"),
    ],
)
def test_what_makes_no_sense_is_named(fixture: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_fixtures([fixture])
    assert [(one.pointer, one.code) for one in refused.value.errors] == [
        (f"/fixtures/0{pointer}", code)
    ]
