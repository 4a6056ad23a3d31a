"""GraphiQL works without internet: every file it needs is here, and it names no other host."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from graphql import get_introspection_query

from loyalty.config import config
from loyalty.web import app as making
from loyalty.web.graphql.page import ASSETS
from tests.servers import Own
from tests.tenant import TestTenant

_PARTS = re.compile(r'(?:src|href)="(/[^"]*)"')


def test_the_page_needs_no_internet(client: FlaskClient) -> None:
    page = client.get("/graphql")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "http" not in policy
    assert "//" not in page.text.replace("<!doctype", "")
    parts = _PARTS.findall(page.text)
    assert len(parts) == 5
    for path in parts:
        with client.get(path) as file:
            assert file.status_code == 200, path
            assert file.mimetype == ("text/css" if path.endswith(".css") else "text/javascript")
            if path.endswith(".css"):
                style = file.get_data(as_text=True)
                assert set(re.findall(r"url\(\s*['\"]?(.{5})", style)) <= {"data:"}


def test_no_file_but_those_of_the_page_is_told(client: FlaskClient) -> None:
    for path in ("/graphql/none.js", "/graphql/..%2fpage.py", "/graphql/../page.py"):
        assert client.get(path).status_code == 404


def test_the_files_are_as_they_were_published() -> None:
    lines = (ASSETS / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, name in (line.split() for line in lines)}
    assert set(told) == {path.name for path in ASSETS.iterdir()} - {"SHA256SUMS"}
    for name, digest in told.items():
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest, name


@pytest.fixture
def closed(database: Own, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """An app that does not tell its schema."""
    told = replace(config(), graphql_introspection=False)
    monkeypatch.setattr(making, "config", lambda: told)
    return making.create_app().test_client()


def test_who_may_ask_is_told_the_schema(client: FlaskClient, tenant: TestTenant) -> None:
    asked = {"query": get_introspection_query()}
    told = client.post("/graphql", headers=tenant.headers("server"), json=asked).json
    assert told is not None
    names = {one["name"] for one in told["data"]["__schema"]["types"]}
    assert {"Points", "Money", "PurchaseAnswer", "Awarded"} <= names


def test_by_a_setting_nobody_is(closed: FlaskClient, tenant: TestTenant) -> None:
    assert closed.get("/graphql").status_code == 405
    assert closed.get("/graphql/graphiql.min.js").status_code == 404
    for document in ("{ __schema { types { name } } }", '{ __type(name: "A") { name } }'):
        told = closed.post("/graphql", headers=tenant.headers(), json={"query": document}).json
        assert told is not None
        assert {one["extensions"]["code"] for one in told["errors"]} == {"bad_document"}
    told = closed.post("/graphql", headers=tenant.headers(), json={"query": "{ produc }"}).json
    assert told is not None
    assert "Did you mean" not in str(told)
    told = closed.post("/graphql", headers=tenant.headers(), json={"query": "{ __typename }"}).json
    assert told == {"data": {"__typename": "Query"}}
