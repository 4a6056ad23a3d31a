"""What is wrong with a request is a problem, as in REST; with a document, an error."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from loyalty import metrics
from loyalty.web.graphql import purchases
from tests.tenant import TestTenant
from tests.web.graphql.asked import Graph

_GRAPHQL = "application/graphql-response+json"


def _post(client: FlaskClient, tenant: TestTenant, **sent: Any) -> tuple[int, str | None, Any]:
    headers = tenant.headers() | sent.pop("headers", {})
    answer = client.post("/graphql", headers=headers, **sent)
    return answer.status_code, answer.mimetype, answer.json


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"headers": {"Authorization": "Bearer nobody"}, "json": {}}, 401, "unauthenticated"),
        ({"data": "{}", "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"data": "{", "content_type": "application/json"}, 400, "unreadable"),
        ({"json": [{"query": "{ __typename }"}]}, 422, "one_at_a_time"),
        ({"json": {}}, 422, "invalid"),
        ({"json": {"query": "{ __typename }", "wait": 5}}, 422, "invalid"),
        ({"json": {"query": "{ __typename }", "variables": []}}, 422, "invalid"),
        ({"json": {"query": "{ __typename }"}, "query_string": {"a": "b"}}, 422, "invalid"),
        ({"data": b'{"query": "' + b" " * 70_000 + b'"}', "content_type": "application/json"},
         413, "body_too_large"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_read_is_a_problem(
    client: FlaskClient, tenant: TestTenant, sent: dict[str, Any], status: int, code: str
) -> None:
    told = _post(client, tenant, **sent)
    assert (told[0], told[1], told[2]["code"]) == (status, "application/problem+json", code)


def test_nobody_is_told_so(client: FlaskClient) -> None:
    answer = client.post("/graphql", json={"query": "{ __typename }"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_other_methods_are_refused(client: FlaskClient, tenant: TestTenant) -> None:
    answer = client.put("/graphql", headers=tenant.headers(), json={"query": "{ __typename }"})
    assert (answer.status_code, answer.json and answer.json["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "asked",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "{ product }"},
        {"query": "query ($sku: String!) { product(sku: $sku) { sku } }"},
        {"query": "query ($sku: String!) { product(sku: $sku) { sku } }", "variables": {"sku": 1}},
        {"query": "query a { __typename } query b { __typename }"},
        {"query": "query a { __typename }", "operationName": "b"},
        {"query": "subscription { __typename }"},
        {"query": "fragment f on Query { __typename }"},
        {"query": " "},
        {"query": "{a" * 600 + "}" * 600},
        {"query": 'mutation { redeem(input: {program: "w", memberId: "a", points: "1"},'
         ' idempotencyKey: "k") { __typename } }'},
    ],
)  # fmt: skip
def test_a_document_that_does_not_fit_is_an_error(
    client: FlaskClient, tenant: TestTenant, asked: dict[str, Any]
) -> None:
    for accept, expected in (("*/*", (200, "application/json")), (_GRAPHQL, (400, _GRAPHQL))):
        status, mimetype, told = _post(client, tenant, json=asked, headers={"Accept": accept})
        assert (status, mimetype) == expected
        assert set(told) == {"errors"}
        assert {one["extensions"]["code"] for one in told["errors"]} == {"bad_document"}


def test_what_is_asked_rightly_is_answered_beside_what_is_not(graph: Graph) -> None:
    told = graph('{ product(sku: "none") { sku } products { next } __typename }')
    assert (told.status, told.errors) == (200, [(404, "not_found")])
    assert told.body["errors"][0]["path"] == ["product"]
    assert told.body["errors"][0]["extensions"]["type"] == "/problems/not_found"
    assert told.body["data"] == {
        "product": None,
        "products": {"next": None},
        "__typename": "Query",
    }


def test_our_insides_are_not_told(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2")

    counted: list[str] = []
    monkeypatch.setattr(metrics, "failed", counted.append)
    monkeypatch.setattr(purchases, "find", fails)
    told = graph('{ purchases(program: "wine") { next } }')
    assert told.errors == [(500, "internal_error")]
    [error] = told.body["errors"]
    assert error["message"] == "Something went wrong on our side"
    assert error["extensions"]["request_id"]
    assert "hunter2" not in str(told.body)
    assert counted == ["internal_error"]


def test_text_that_cannot_be_stored_is_refused(graph: Graph) -> None:
    for document in (
        '{ purchases(program: "wine", source: "a\\u0000") { next } }',
        '{ products(brand: "\\ud800") { next } }',
    ):
        told = graph(document)
        assert told.status == 200
        assert told.errors in ([(422, "invalid")], [(422, "bad_document")])
    assert graph('{ purchases(program: "w\\u0000") { next } }').errors == [(404, "not_found")]
