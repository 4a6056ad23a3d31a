"""Retailers and products over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.rest.caller import Caller
from tests.web.rest.test_earns import bought

NORTH = {"id": "north-1", "name": "North", "region": "north", "time_zone": "Europe/Oslo"}
RYE = {
    "sku": "4006-R",
    "name": "Rye",
    "category": "food/bread/rye",
    "brand": "Mill",
    "price": "2.50",
    "currency": "USD",
}


@pytest.mark.parametrize(("path", "body"), [("/retailers", NORTH), ("/products", RYE)])
def test_one_is_added_read_changed_and_taken_out(
    call: Caller, path: str, body: dict[str, str]
) -> None:
    made = call("POST", path, body, role="marketing")
    assert made.status == 201
    created_at = made.body["created_at"]
    assert made.body == {**body, "version": 1, "created_at": created_at}
    one = f"{path}/{next(iter(body.values()))}"
    read = call("GET", one, role="server")
    assert (read.body, read.headers["ETag"]) == (made.body, '"1"')
    changed = call("PATCH", one, {"name": "Other"}, role="marketing", If_Match='"1"')
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert changed.body == {**made.body, "name": "Other", "version": 2}
    stale = call("PATCH", one, {"name": "Third"}, If_Match='"1"')
    assert stale.refusal == (412, "precondition_failed")
    assert call("DELETE", one, role="marketing").body == changed.body
    assert call("GET", one).refusal == (404, "not_found")
    assert call("DELETE", one).refusal == (404, "not_found")
    noun = path.removeprefix("/").removesuffix("s")
    acts = [record["act"] for record in call("GET", "/audit-log").body["data"]]
    assert acts == [f"{noun}.remove", f"{noun}.change", f"{noun}.add"]


def test_an_id_is_taken_once(call: Caller) -> None:
    call("POST", "/retailers", NORTH)
    assert call("POST", "/retailers", NORTH).refusal == (409, "already_listed")


def test_null_takes_a_value_away(call: Caller) -> None:
    call("POST", "/retailers", NORTH)
    told = call("PATCH", "/retailers/north-1", {"region": None, "time_zone": None}).body
    assert (told["region"], told["time_zone"]) == (None, None)


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"sku": "a b"}, "/sku", "malformed"),
        ({"category": "food//rye"}, "/category", "malformed"),
        ({"category": "/food"}, "/category", "malformed"),
        ({"category": "/".join("abcdefghijk")}, "/category", "malformed"),
        ({"currency": None}, "/currency", "required"),
        ({"price": None}, "/price", "required"),
        ({"price": "-1"}, "/price", "too_small"),
        ({"name": None}, "/name", "null"),
        ({"colour": "red"}, "/colour", "unknown_field"),
    ],
)
def test_what_makes_no_sense_is_named(
    call: Caller, fields: dict[str, object], pointer: str, code: str
) -> None:
    assert call("POST", "/products", {**RYE, **fields}).wrong == [(pointer, code)]
    assert call("GET", "/products").body["data"] == []


def test_a_price_never_loses_its_currency(call: Caller) -> None:
    call("POST", "/products", RYE)
    refused = call("PATCH", "/products/4006-R", {"currency": None})
    assert refused.wrong == [("/currency", "required")]
    assert call("PATCH", "/products/4006-R", {"currency": None, "price": None}).status == 200


def test_products_are_found_by_category_and_brand(call: Caller) -> None:
    for sku, category, brand in (
        ("1", "food", "Mill"),
        ("2", "food/bread", "Mill"),
        ("3", "foodstuff", "Mill"),
        ("4", "food/bread/rye", "Oven"),
    ):
        body = {"sku": sku, "name": sku, "category": category, "brand": brand}
        assert call("POST", "/products", body).status == 201

    def skus(query: str) -> list[str]:
        return [one["sku"] for one in call("GET", f"/products?{query}").body["data"]]

    assert skus("category=food") == ["4", "2", "1"]
    assert skus("category=food/bread") == ["4", "2"]
    assert skus("category=food&brand=Mill") == ["2", "1"]
    first = call("GET", "/products?category=food&limit=2")
    rest = call("GET", f"/products?category=food&limit=2&after={first.body['next']}")
    assert [one["sku"] for one in rest.body["data"]] == ["1"]


def test_a_batch_tells_the_outcome_of_each(call: Caller) -> None:
    call("POST", "/products", RYE)
    items = [
        RYE,
        {"sku": "new", "name": "New"},
        {"sku": "new", "name": "Twice"},
        {"sku": "bad", "name": "Bad", "price": "1"},
        {"sku": "b b", "name": "Spaced"},
        7,
    ]
    answer = call("POST", "/products/batch", {"products": items}, role="marketing")
    assert answer.status == 200
    assert answer.body["summary"] == {"created": 1, "updated": 0, "unchanged": 1, "invalid": 4}
    told = [(one["index"], one["id"], one["outcome"]) for one in answer.body["results"]]
    assert told == [
        (0, "4006-R", "unchanged"),
        (1, "new", "created"),
        (2, "new", "invalid"),
        (3, "bad", "invalid"),
        (4, "b b", "invalid"),
        (5, None, "invalid"),
    ]
    assert answer.body["results"][2]["errors"][0]["code"] == "named_twice"
    assert answer.body["results"][3]["errors"][0]["pointer"] == "/currency"
    assert call("GET", "/products/new").body["name"] == "New"


def test_a_batch_may_be_lines(call: Caller) -> None:
    lines = b'{"id":"a","name":"A"}\n\nnot json\n{"id":"b","name":"B"}\n'
    sent = {"Content-Type": "application/x-ndjson", **call.tenant.headers()}
    answer = call.client.post("/v1/retailers/batch", data=lines, headers=sent).json
    assert answer is not None
    assert [one["outcome"] for one in answer["results"]] == ["created", "invalid", "created"]


@pytest.mark.parametrize(
    ("body", "code"),
    [({"products": []}, "wrong_length"), ({"products": [RYE], "x": 1}, "unknown_field"), ([], "")],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(call: Caller, body: object, code: str) -> None:
    refused = call("POST", "/products/batch", body)
    assert refused.wrong[0][1] == (code or "wrong_length")


def test_a_retailer_s_key_speaks_for_it_alone_and_ends_with_it(call: Caller) -> None:
    call("POST", "/programs", {"slug": "wine", "name": "Wine"})
    call("POST", "/retailers", NORTH)
    made = call("POST", "/retailers/north-1/keys", {"name": "till 3"})
    assert made.status == 201
    assert (made.body["role"], made.body["sources"]) == ("server", ["north-1"])
    as_till = {"Authorization": f"Bearer {made.body['key']}"}

    def earn(key: str, source: str = "north-1", retailer: str | None = None) -> dict[str, Any]:
        told = bought(key, source, occurred_at=made.body["created_at"])
        return told if retailer is None else {**told, "retailer": retailer}

    def post(earn: dict[str, Any]) -> int:
        return call.client.post(path, json=earn, headers=as_till).status_code

    path = "/v1/programs/wine/earns"
    assert (post(earn("t-1")), post(earn("t-1", "other"))) == (202, 403)
    assert post(earn("t-2", retailer="north-1")) == 202
    assert post(earn("t-3", retailer="south-1")) == 403
    several = {"earns": [earn("t-4", retailer="north-1"), earn("t-5", retailer="south-1")]}
    told = call.client.post(f"{path}/batch", json=several, headers=as_till).json or {}
    assert [one.get("code") for one in told["results"]] == [None, "source_not_allowed"]
    assert call("POST", "/retailers/none/keys", {}).refusal == (404, "not_found")
    assert call("POST", "/retailers/north-1/keys", {}, role="marketing").status == 403
    call("DELETE", "/retailers/north-1")
    [key] = call("GET", "/api-keys").body["data"]
    assert key["revoked_at"] is not None


def test_another_tenant_s_catalogue_does_not_exist(call: Caller, stranger: Caller) -> None:
    call("POST", "/retailers", NORTH)
    call("POST", "/products", RYE)
    for path in ("/retailers/north-1", "/products/4006-R"):
        assert stranger("GET", path).refusal == (404, "not_found")
    assert stranger("GET", "/retailers").body["data"] == []
    assert stranger("POST", "/retailers", NORTH).status == 201
