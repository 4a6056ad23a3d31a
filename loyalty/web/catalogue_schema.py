"""How retailers and products come in and are told."""

from __future__ import annotations

from typing import Any

from loyalty.catalogue.rules import SEPARATOR
from loyalty.web.batch import MOST_ITEMS
from loyalty.web.fields import (
    Choice,
    Code,
    Currency,
    Instant,
    Integer,
    ListOf,
    Money,
    Part,
    Points,
    Schema,
    Text,
    TimeZone,
    refuse,
)
from loyalty.web.lists import ListByNumber
from loyalty.web.problems import FieldErrorSchema

_MOST_LEVELS = 10


class Category(Text):
    """A place in the category tree, from the root: `food/bread/rye`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=200, **kwargs)

    def limits(self) -> dict[str, object]:
        """The limits as JSON Schema keywords."""
        step = r"[^/\u0000]+"
        pattern = f"^{step}(/{step}){{0,{_MOST_LEVELS - 1}}}$"
        return {**super().limits(), "pattern": pattern, "examples": ["food/bread/rye"]}

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> str:
        category = super()._deserialize(value, *args, **kwargs)
        steps = category.split(SEPARATOR)
        if not all(steps) or len(steps) > _MOST_LEVELS:
            raise refuse(
                "malformed", f"1 to {_MOST_LEVELS} names are expected, with a / between them."
            )
        return category


class RetailerSchema(Schema):
    """A retailer as a whole; its `id` is what purchases name as `retailer`."""

    id = Code(required=True)
    name = Text(most=200, required=True)
    region = Text(most=100, load_default=None, allow_none=True)
    time_zone = TimeZone(
        load_default=None, allow_none=True, metadata={"description": "null: the program's."}
    )


class RetailerChangeSchema(Schema):
    """A merge patch."""

    name = Text(most=200)
    region = Text(most=100, allow_none=True)
    time_zone = TimeZone(allow_none=True)


class ToldRetailerSchema(RetailerSchema):
    """A retailer."""

    version = Integer(required=True)
    created_at = Instant(required=True)


class RetailersSchema(Schema):
    """Up to 1000 retailers, each as a whole."""

    retailers = ListOf(Part(RetailerSchema), least=1, most=MOST_ITEMS, required=True)


class RetailerListArgs(ListByNumber):
    """Filters of the list."""

    region = Text(most=100)


class ProductSchema(Schema):
    """A product as a whole; its `sku` is what the lines of purchases name."""

    sku = Code(required=True)
    name = Text(most=200, required=True)
    category = Category(load_default=None, allow_none=True)
    brand = Text(most=200, load_default=None, allow_none=True)
    price = Money(load_default=None, allow_none=True)
    currency = Currency(load_default=None, allow_none=True)


class ProductChangeSchema(Schema):
    """A merge patch."""

    name = Text(most=200)
    category = Category(allow_none=True)
    brand = Text(most=200, allow_none=True)
    price = Money(allow_none=True)
    currency = Currency(allow_none=True)


class ToldProductSchema(ProductSchema):
    """A product."""

    version = Integer(required=True)
    created_at = Instant(required=True)


class ProductsSchema(Schema):
    """Up to 1000 products, each as a whole."""

    products = ListOf(Part(ProductSchema), least=1, most=MOST_ITEMS, required=True)


class ProductListArgs(ListByNumber):
    """Filters of the list; `category` finds what is in it and below it."""

    category = Category()
    brand = Text(most=200)


class UpsertedSchema(Schema):
    """What became of one item: added, changed, as it was, refused."""

    index = Points(required=True)
    id = Text(allow_none=True, required=True, metadata={"description": "The id, or the SKU."})
    outcome = Choice(("created", "updated", "unchanged", "invalid"), required=True)
    code = Text()
    detail = Text(most=1000)
    errors = ListOf(Part(FieldErrorSchema), most=50)


class UpsertSummarySchema(Schema):
    """How many items had which outcome."""

    created = Points(required=True)
    updated = Points(required=True)
    unchanged = Points(required=True)
    invalid = Points(required=True)


class UpsertAnswerSchema(Schema):
    """The outcomes, in the order of the items."""

    summary = Part(UpsertSummarySchema, required=True)
    results = ListOf(Part(UpsertedSchema), most=MOST_ITEMS, required=True)
