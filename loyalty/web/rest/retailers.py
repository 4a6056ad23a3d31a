"""Retailers: where members buy. One by one, or many at once."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.catalogue import find
from loyalty.catalogue.change import add, change, remove
from loyalty.catalogue.models import RetailerRow
from loyalty.clock import now
from loyalty.tenants.roles import SCOPES, Role
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.catalogue_batch import upsert_items
from loyalty.web.catalogue_schema import (
    RetailerChangeSchema,
    RetailerListArgs,
    RetailerSchema,
    RetailersSchema,
    ToldRetailerSchema,
    UpsertAnswerSchema,
)
from loyalty.web.fields import Choice, Instant, ListOf, Schema, Text
from loyalty.web.lists import page, page_schema
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource
from loyalty.web.rest.api_keys import ToldKeySchema, make_key

retailers = Resource("retailers", description="Where members buy: region, time zone, own keys.")
_TOLD = ToldRetailerSchema()


class RetailerKeySchema(Schema):
    """A key for the retailer's own tills: it speaks for the source that is the retailer's id."""

    name = Text(most=100, load_default="till")
    scopes = ListOf(Choice(sorted(SCOPES)), most=len(SCOPES), load_default=None)
    expires_at = Instant(load_default=None)


@retailers.route("/retailers", methods=["POST"])
@allow("retailers.change")
@retailers.keyed(required=False)
@retailers.arguments(RetailerSchema)
@retailers.response(201, ToldRetailerSchema)
def create(wanted: dict[str, Any]) -> Response:
    """Add a retailer."""
    with transaction(tenant()) as session:
        at = now(session)

        def act() -> dict[str, Any]:
            return _shown(add(session, RetailerRow, wanted, acting(at)))

        return once(session, wanted, act, at=at, required=False)


@retailers.route("/retailers/batch", methods=["POST"])
@allow("retailers.change")
@retailers.doc(
    requestBody={
        "required": True,
        "content": {
            "application/json": {"schema": RetailersSchema},
            "application/x-ndjson": {"schema": RetailerSchema},
        },
    }
)
@retailers.response(200, UpsertAnswerSchema)
def upsert_batch() -> Response:
    """Add or change up to 1000 retailers; one bad item never refuses the others."""
    return upsert_items(RetailerRow, RetailerSchema())


@retailers.route("/retailers", methods=["GET"])
@allow("retailers.read")
@retailers.arguments(RetailerListArgs, location="query")
@retailers.response(200, page_schema(ToldRetailerSchema))
def browse(asked: dict[str, Any]) -> object:
    """List the retailers, newest first."""
    limit, before = asked.pop("limit"), asked.pop("after")
    with transaction(tenant()) as session:
        found = find.retailers(session, **asked, before=before, limit=limit + 1)
    return page(found, limit, lambda row: row.number)


@retailers.route("/retailers/<code:retailer_id>", methods=["GET"])
@allow("retailers.read")
@retailers.response(200, ToldRetailerSchema)
def read(retailer_id: str) -> Response:
    """Tell a retailer."""
    with transaction(tenant()) as session:
        return _told(find.item(session, RetailerRow, retailer_id))


@retailers.route("/retailers/<code:retailer_id>", methods=["PATCH"])
@allow("retailers.change")
@retailers.conditional()
@retailers.arguments(RetailerChangeSchema)
@retailers.response(200, ToldRetailerSchema)
def amend(patch: dict[str, Any], retailer_id: str) -> Response:
    """Change a retailer by merge patch; it holds for what is judged from now on."""
    with transaction(tenant()) as session:
        present = find.item(session, RetailerRow, retailer_id, lock=True)
        if_match(present.version)
        return _told(change(session, present, patch, acting(now(session))))


@retailers.route("/retailers/<code:retailer_id>", methods=["DELETE"])
@allow("retailers.change")
@retailers.response(200, ToldRetailerSchema)
def delete(retailer_id: str) -> Response:
    """Take a retailer out: it is unknown from now on, and keys that are its own end."""
    with transaction(tenant()) as session:
        return json_answer(_shown(remove(session, RetailerRow, retailer_id, acting(now(session)))))


@retailers.route("/retailers/<code:retailer_id>/keys", methods=["POST"])
@allow("api_keys.create")
@retailers.arguments(RetailerKeySchema)
@retailers.response(201, ToldKeySchema)
def create_key(wanted: dict[str, Any], retailer_id: str) -> dict[str, Any]:
    """Make a key for the retailer's tills and tell it, once: its source is the retailer's id."""
    with transaction(tenant()) as session:
        retailer = find.item(session, RetailerRow, retailer_id)
        own = {**wanted, "role": Role.SERVER, "sources": [retailer.id]}
        return make_key(session, own)


def _shown(row: RetailerRow) -> dict[str, Any]:
    shown: dict[str, Any] = _TOLD.dump(row)
    return shown


def _told(row: RetailerRow) -> Response:
    return json_answer(_shown(row), headers={"ETag": etag(row.version)})
