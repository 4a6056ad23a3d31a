"""What a purchase, visit or event looks like when it comes in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import post_load, validates_schema

from loyalty.earning.accept import Earn
from loyalty.web.fields import (
    Attributes,
    Choice,
    Currency,
    Instant,
    ListOf,
    MemberId,
    Money,
    Part,
    Source,
    StraightSchema,
    Text,
    money_text,
    refuse,
)

MOST_ITEMS = 500
MOST_PAYMENTS = 20
_LEAST_LINE = Decimal("-999999999999.9999")  # a discount is a line below zero
_IN_COLUMNS = frozenset(
    {
        "source",
        "transaction_id",
        "kind",
        "occurred_at",
        "member_id",
        "identifier",
        "amount",
        "currency",
        "retailer",
    }
)


class EarnIdentifierSchema(StraightSchema):
    """What the member is known by when the till does not know the member_id."""

    kind = Text(most=50, required=True)
    value = Text(most=200, required=True)


class PaymentSchema(StraightSchema):
    """How a part of the amount was paid; what points or vouchers paid earns nothing."""

    kind = Choice(("card", "cash", "points", "voucher"), required=True)
    amount = Money(required=True)


class ItemSchema(StraightSchema):
    """One line of the purchase."""

    line_id = Text(most=100, required=True)
    sku = Text(most=100)
    category = Text(most=200)
    brand = Text(most=200)
    quantity = Money(load_default=Decimal(1), metadata={"description": "Pieces, or kilograms."})
    amount = Money(least=_LEAST_LINE, required=True)


class EarnSchema(StraightSchema):
    """A purchase, visit or event. `items` + `tax` + `shipping` must make `amount`."""

    source = Source(required=True)
    transaction_id = Text(most=200, required=True)
    member_id = MemberId()
    identifier = Part(EarnIdentifierSchema)
    kind = Choice(("purchase", "visit", "event"), load_default="purchase")
    amount = Money()
    currency = Currency()
    occurred_at = Instant(required=True)
    retailer = Text(most=100)
    store = Text(most=100)
    channel = Text(most=50)
    tax = Money()
    shipping = Money()
    payments = ListOf(Part(PaymentSchema), most=MOST_PAYMENTS)
    items = ListOf(Part(ItemSchema), most=MOST_ITEMS)
    attributes = Attributes()

    @validates_schema(skip_on_field_errors=True)
    def _agrees(self, values: dict[str, Any], **_: Any) -> None:
        if ("member_id" in values) == ("identifier" in values):
            raise refuse(
                "one_of_two", "Exactly one of member_id and identifier is needed.", "member_id"
            )
        amount = values.get("amount")
        if values["kind"] == "purchase":
            if not amount:
                code = "required" if amount is None else "too_small"
                raise refuse(code, "A purchase has an amount above zero.", "amount")
            if "currency" not in values:
                raise refuse("required", "An amount has a currency.", "currency")
        elif amount is not None and "currency" not in values:
            raise refuse("required", "An amount has a currency.", "currency")
        if len(values) > len(_IN_COLUMNS) or "items" in values or "payments" in values:
            _adds_up(values, amount or Decimal(0))

    @post_load
    def _to_earn(self, values: dict[str, Any], **_: Any) -> Earn:
        identifier = values.get("identifier")
        body = {name: value for name, value in values.items() if name not in _IN_COLUMNS}
        return Earn(
            source=values["source"],
            transaction_id=values["transaction_id"],
            kind=values["kind"],
            occurred_at=values["occurred_at"],
            member_id=values.get("member_id"),
            identifier=(identifier["kind"], identifier["value"]) if identifier else None,
            amount=values.get("amount"),
            currency=values.get("currency"),
            retailer=values.get("retailer"),
            body=body or None,
        )


def _adds_up(values: dict[str, Any], amount: Decimal) -> None:
    items = values.get("items")
    if items is not None:
        lines = [item["line_id"] for item in items]
        if len(set(lines)) < len(lines):
            raise refuse("not_unique", "Each line_id stands once.", "items")
        total = sum((item["amount"] for item in items), Decimal(0))
        total += values.get("tax", Decimal(0)) + values.get("shipping", Decimal(0))
        if total != amount:
            raise refuse(
                "does_not_add_up",
                f"Items, tax and shipping make {money_text(total)}, not {money_text(amount)}.",
                "amount",
            )
    elif values.get("tax", Decimal(0)) + values.get("shipping", Decimal(0)) > amount:
        raise refuse("does_not_add_up", "Tax and shipping are more than the amount.", "amount")
    paid = sum((payment["amount"] for payment in values.get("payments", ())), Decimal(0))
    if paid > amount:
        raise refuse(
            "does_not_add_up",
            f"Payments make {money_text(paid)}, more than {money_text(amount)}.",
            "payments",
        )


EARN = EarnSchema()
