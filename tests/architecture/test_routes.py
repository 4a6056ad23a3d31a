"""Every route asks who it is, or is listed as open; and the document tells them all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from loyalty.tenants.roles import ALLOWED
from loyalty.web.app import create_app
from loyalty.web.auth import OPEN

_LOG_IN = "/v1/log-in"  # who logs in is nobody yet


@pytest.fixture(scope="module")
def app() -> Flask:
    """The whole app; no server is needed to look at its routes."""
    return create_app()


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document."""
    told: dict[str, Any] = app.test_client().get("/openapi.json").get_json()
    return told


def _operation_of(app: Flask, endpoint: str) -> str | None:
    return getattr(app.view_functions[endpoint], "operation", None)


def test_every_route_is_guarded_or_listed_as_open(app: Flask) -> None:
    unguarded = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if _operation_of(app, rule.endpoint) is None
    }
    asked_by_field = {
        endpoint for endpoint in unguarded if hasattr(app.view_functions[endpoint], "asks_of_each")
    }
    assert asked_by_field == {"graphql"}  # tests/web/graphql/test_roles.py looks at its fields
    assert unguarded - asked_by_field == OPEN


def test_nothing_under_v1_is_open_but_the_log_in(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/v1") and rule.rule != _LOG_IN:
            assert _operation_of(app, rule.endpoint) in ALLOWED, rule.rule


def test_every_operation_of_the_table_has_a_route(app: Flask) -> None:
    served = {_operation_of(app, rule.endpoint) for rule in app.url_map.iter_rules()}
    assert set(ALLOWED) - {"metrics.read"} <= served  # open, but for a setting


def test_the_document_has_every_route_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), re.sub(r"<[a-z]+:(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    told = {
        (method, path)
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert told == served


def test_the_document_is_one_a_client_can_be_made_from(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    operations = [
        operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    [log_in] = [operation for operation in operations if operation["security"] == []]
    assert log_in is document["paths"][_LOG_IN]["post"]
    for operation in operations:
        assert operation["summary"].endswith("."), operation["operationId"]
        assert "default" in operation["responses"]
        if operation is log_in:
            continue
        assert operation["security"] == [{"bearer": []}]
        assert operation["x-operation"] in ALLOWED


def test_whatever_is_read_beside_the_body_is_in_the_document(
    app: Flask, document: dict[str, Any]
) -> None:
    """What `arguments`, `keyed` and `conditional` say, whatever `doc` adds to it."""
    told = {
        operation["operationId"]: {one["name"] for one in operation.get("parameters", ())}
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    }
    for endpoint, view in app.view_functions.items():
        read: set[str] = set()
        for one in getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ()):
            if one["in"] == "query" and "schema" in one and "name" not in one:
                schema = one["schema"]
                read |= set((schema() if isinstance(schema, type) else schema).fields)
            elif one["in"] != "json":
                read.add(one["name"])
        assert read <= told.get(endpoint.replace(".", "_"), set()), endpoint


def test_every_patch_may_say_what_was_read(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        if "patch" in operations:
            told = {one["name"] for one in operations["patch"].get("parameters", ())}
            assert "If-Match" in told, path


def test_the_page_needs_no_internet(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4
    for path in loaded:
        assert path.startswith("/docs/")
        with client.get(path) as file:
            assert file.status_code == 200
