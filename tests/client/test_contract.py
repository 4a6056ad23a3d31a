"""The client knows the API as it is: each dataclass has the fields of its schema, and no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, get_type_hints

import pytest
from flask import Flask

from loyalty.web.app import create_app
from loyalty_client import (
    Loyalty,
    Program,
    events,
    members,
    orders,
    problems,
    purchases,
    redemptions,
)

KEYWORD_ONLY = Parameter.KEYWORD_ONLY
_ANSWERS: list[tuple[type, str]] = [
    (members.Balance, "Balance"),
    (members.Figures, "Figures"),
    (members.BalanceThen, "BalanceThen"),
    (members.Tier, "ReachedTier"),
    (members.Missing, "Missing"),
    (members.NextTier, "NextTier"),
    (members.Keep, "Keep"),
    (members.Expiring, "Expiring"),
    (members.Member, "Member"),
    (members.TierName, "FoundTier"),
    (members.FoundMember, "Found"),
    (members.Joined, "Joined"),
    (members.Profile, "Profile"),
    (members.MemberToken, "Token"),
    (members.Change, "Change"),
    (members.Entry, "Entry"),
    (members.Adjusted, "Adjusted"),
    (members.AdjustmentRequest, "Request"),
    (purchases.Share, "Share"),
    (purchases.Explanation, "Explanation"),
    (purchases.Purchase, "EarnAnswer"),
    (purchases.Outcome, "Outcome"),
    (purchases.LineBack, "ReturnLine"),
    (purchases.Left, "Left"),
    (purchases.GaveBack, "PromotionGave"),
    (purchases.TakenFrom, "TakenFrom"),
    (purchases.ReturnExplanation, "ReturnExplanation"),
    (purchases.Returned, "ReturnAnswer"),
    (redemptions.Voucher, "Voucher"),
    (redemptions.Redemption, "Redeemed"),
    (redemptions.TriedRedemption, "TriedRedemption"),
    (events.Feed, "Events"),
    (problems.FieldError, "FieldError"),
]
_ORDERS: list[tuple[type, str]] = [
    (orders.Identifier, "EarnIdentifier"),
    (orders.Identifier, "Identifier"),
    (orders.NewMember, "NewMember"),
    (orders.Item, "Item"),
    (orders.Payment, "Payment"),
    (orders.Earn, "Earn"),
    (orders.ReturnLine, "ReturnLine"),
    (orders.Return, "Return"),
    (orders.Hold, "Hold"),
    (orders.Spend, "Redeem"),
    (orders.Step, "Cancel"),
    (orders.Adjust, "Adjust"),
]
#: Not every answer that is told with the schema has these.
_NOT_ALWAYS = {("Redeemed", "balance")}


@pytest.fixture(scope="module")
def app() -> Flask:
    """The whole app; no server is needed to look at its documents."""
    return create_app()


@pytest.fixture(scope="module")
def schemas(app: Flask) -> dict[str, Any]:
    """The schemas of the OpenAPI document."""
    told: dict[str, Any] = app.test_client().get("/openapi.json").get_json()
    schemas: dict[str, Any] = told["components"]["schemas"]
    return schemas


def _may_be_null(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", [])
    parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return "null" in ([kinds] if isinstance(kinds, str) else kinds) or any(map(_may_be_null, parts))


def _names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _needed(kind: type) -> set[str]:
    """The fields that have no default."""
    return {
        field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING
    }


def _may_be_none(kind: type) -> set[str]:
    return {
        name
        for name, hint in get_type_hints(kind).items()
        if type(None) in getattr(hint, "__args__", ())
    }


@pytest.mark.parametrize(("kind", "name"), _ANSWERS)
def test_an_answer_is_read_whole(kind: type, name: str, schemas: dict[str, Any]) -> None:
    schema = schemas[name]
    assert _names(kind) == set(schema["properties"])
    always = set(schema.get("required", ()))
    always -= {field for schema_name, field in _NOT_ALWAYS if schema_name == name}
    nullable = {field for field, told in schema["properties"].items() if _may_be_null(told)}
    assert _needed(kind) <= always | {"id"}  # of a purchase, whose dry run has none
    assert nullable & always <= _may_be_none(kind)


@pytest.mark.parametrize(("kind", "name"), _ORDERS)
def test_an_order_can_say_everything(kind: type, name: str, schemas: dict[str, Any]) -> None:
    schema = schemas[name]
    assert _names(kind) == set(schema["properties"])
    assert _needed(kind) == set(schema.get("required", ()))


@pytest.mark.parametrize(
    ("method", "path", "also"),
    [
        (Program.members, "/v1/programs/{program}/members", {"q"}),
        (Program.purchases, "/v1/programs/{program}/earns", set()),
        (Program.returns, "/v1/programs/{program}/returns", set()),
        (Program.statement, "/v1/programs/{program}/members/{member_id}/entries", set()),
        (Program.balance, "/v1/programs/{program}/members/{member_id}/balance", set()),
        (Loyalty.events, "/v1/events", {"after"}),
    ],
)
def test_a_list_can_be_asked_for_all_that_the_api_knows(
    app: Flask, method: Callable[..., object], path: str, also: set[str]
) -> None:
    operation = app.test_client().get("/openapi.json").get_json()["paths"][path]["get"]
    known = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    asked = {name for name, one in signature(method).parameters.items() if one.kind is KEYWORD_ONLY}
    assert asked | also == known - {"limit", "after"} | also & {"after"}


def test_a_dry_run_tells_a_part(schemas: dict[str, Any]) -> None:
    assert _names(purchases.TriedPurchase) < set(schemas["EarnAnswer"]["properties"])
    assert _names(purchases.TriedReturn) < set(schemas["ReturnAnswer"]["properties"])


def test_an_event_is_told_without_its_packing(schemas: dict[str, Any]) -> None:
    packing = {"specversion", "datacontenttype", "partitionkey"}
    assert _names(events.Event) == set(schemas["CloudEvent"]["properties"]) - packing


def test_every_code_that_has_a_class_is_of_the_api(app: Flask) -> None:
    pages = app.test_client().get("/problems").get_json()["data"]
    statuses = {page["code"]: page["status"] for page in pages}
    for code, kind in problems._BY_CODE.items():
        assert issubclass(kind, problems._BY_STATUS[statuses[code]]), code
