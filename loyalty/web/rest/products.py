"""Products: what members buy. One by one, or many at once."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.catalogue import find
from loyalty.catalogue.change import add, change, remove
from loyalty.catalogue.models import ProductRow
from loyalty.clock import now
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.catalogue_batch import upsert_items
from loyalty.web.catalogue_schema import (
    ProductChangeSchema,
    ProductListArgs,
    ProductSchema,
    ProductsSchema,
    ToldProductSchema,
    UpsertAnswerSchema,
)
from loyalty.web.lists import page, page_schema
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource

products = Resource("products", description="What members buy: category tree, brand, price.")
_TOLD = ToldProductSchema()


@products.route("/products", methods=["POST"])
@allow("products.change")
@products.keyed(required=False)
@products.arguments(ProductSchema)
@products.response(201, ToldProductSchema)
def create(wanted: dict[str, Any]) -> Response:
    """Add a product."""
    with transaction(tenant()) as session:
        at = now(session)

        def act() -> dict[str, Any]:
            return _shown(add(session, ProductRow, wanted, acting(at)))

        return once(session, wanted, act, at=at, required=False)


@products.route("/products/batch", methods=["POST"])
@allow("products.change")
@products.doc(
    requestBody={
        "required": True,
        "content": {
            "application/json": {"schema": ProductsSchema},
            "application/x-ndjson": {"schema": ProductSchema},
        },
    }
)
@products.response(200, UpsertAnswerSchema)
def upsert_batch() -> Response:
    """Add or change up to 1000 products; one bad item never refuses the others."""
    return upsert_items(ProductRow, ProductSchema())


@products.route("/products", methods=["GET"])
@allow("products.read")
@products.arguments(ProductListArgs, location="query")
@products.response(200, page_schema(ToldProductSchema))
def browse(asked: dict[str, Any]) -> object:
    """List the products, newest first."""
    limit, before = asked.pop("limit"), asked.pop("after")
    with transaction(tenant()) as session:
        found = find.products(session, **asked, before=before, limit=limit + 1)
    return page(found, limit, lambda row: row.number)


@products.route("/products/<code:sku>", methods=["GET"])
@allow("products.read")
@products.response(200, ToldProductSchema)
def read(sku: str) -> Response:
    """Tell a product."""
    with transaction(tenant()) as session:
        return _told(find.item(session, ProductRow, sku))


@products.route("/products/<code:sku>", methods=["PATCH"])
@allow("products.change")
@products.conditional()
@products.arguments(ProductChangeSchema)
@products.response(200, ToldProductSchema)
def amend(patch: dict[str, Any], sku: str) -> Response:
    """Change a product by merge patch; it holds for what is judged from now on."""
    with transaction(tenant()) as session:
        present = find.item(session, ProductRow, sku, lock=True)
        if_match(present.version)
        return _told(change(session, present, patch, acting(now(session))))


@products.route("/products/<code:sku>", methods=["DELETE"])
@allow("products.change")
@products.response(200, ToldProductSchema)
def delete(sku: str) -> Response:
    """Take a product out: it is unknown from now on."""
    with transaction(tenant()) as session:
        return json_answer(_shown(remove(session, ProductRow, sku, acting(now(session)))))


def _shown(row: ProductRow) -> dict[str, Any]:
    shown: dict[str, Any] = _TOLD.dump(row)
    return shown


def _told(row: ProductRow) -> Response:
    return json_answer(_shown(row), headers={"ETag": etag(row.version)})
