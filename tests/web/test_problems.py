"""Every refusal is problem+json, whoever refuses; a 5xx shows nothing of the inside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from loyalty.db import Role, engine
from loyalty.errors import Conflict, FieldError, Invalid, Problem, Unavailable, every_problem
from loyalty.transaction import transaction
from loyalty.web.app import create_app
from loyalty.web.database_errors import again_after_deadlock
from tests.servers import Own
from tests.tenant import TestTenant


def _is_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    assert response.headers["X-Request-Id"]
    told: dict[str, Any] = response.get_json()
    assert {"type", "title", "status", "detail", "code"} <= set(told)
    assert (told["status"], told["code"]) == (status, code)
    assert told["type"] == f"/problems/{code}"
    return told


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("GET", "/nothing", {}, 404, "not_found"),
        ("GET", "/v1/nothing", {}, 404, "not_found"),
        ("GET", "//v1/programs", {}, 404, "not_found"),
        ("GET", "/v1/programs/", {}, 404, "not_found"),
        ("GET", "/v1/programs/UPPER", {}, 404, "not_found"),
        ("GET", "/v1/programs/a%00b", {}, 404, "not_found"),
        ("GET", "/v1/earns/not-an-id", {}, 404, "not_found"),
        ("GET", "/v1/programs/p/members/a%20b", {}, 404, "not_found"),
        ("GET", "/v1/programs/p/members/%ff", {}, 404, "not_found"),
        ("GET", "/docs/..%2f..%2fREADME.md", {}, 404, "not_found"),
        ("GET", "/problems/none", {}, 404, "not_found"),
        ("PUT", "/healthz", {}, 405, "method_not_allowed"),
        ("TRACE", "/v1/programs", {}, 405, "method_not_allowed"),
        ("GET", "/v1/programs", {}, 401, "unauthenticated"),
        ("POST", "/v1/programs", {"data": b"{"}, 401, "unauthenticated"),
    ],
)
def test_the_framework_speaks_as_we_do(
    client: FlaskClient, method: str, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    _is_problem(client.open(path, method=method, **sent), status, code)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({}, 415, "unsupported_media_type"),
        ({"data": b"{}"}, 415, "unsupported_media_type"),
        ({"data": {"name": "x"}}, 415, "unsupported_media_type"),
        ({"data": b"{}", "content_type": "text/json"}, 415, "unsupported_media_type"),
        ({"data": b"<a/>", "content_type": "application/xml"}, 415, "unsupported_media_type"),
        ({"data": b"", "content_type": "application/json"}, 400, "unreadable"),
        ({"data": b"{", "content_type": "application/json"}, 400, "unreadable"),
        ({"data": b"\xff", "content_type": "application/json"}, 400, "unreadable"),
        ({"data": b'{"name":1,"name":2}', "content_type": "application/json"}, 400, "unreadable"),
        ({"data": b'{"name":NaN}', "content_type": "application/json"}, 400, "unreadable"),
        ({"data": b"[" * 50_000, "content_type": "application/json"}, 400, "unreadable"),
        ({"data": b" " * 65_537, "content_type": "application/json"}, 413, "body_too_large"),
        ({"json": []}, 422, "invalid"),
        ({"data": b"null", "content_type": "application/json"}, 422, "invalid"),
        ({"json": "name"}, 422, "invalid"),
        ({"json": {}}, 422, "invalid"),
        ({"json": {"name": "x", "secret": "x"}}, 422, "invalid"),
        ({"json": {"name": "a\0b"}}, 422, "invalid"),
        ({"data": b'{"name":"\\ud800"}', "content_type": "application/json"}, 422, "invalid"),
        ({"data": b'{"\\ud800":1}', "content_type": "application/json"}, 422, "invalid"),
        ({"json": {"name": "x"}, "query_string": "dryrun=true"}, 422, "invalid"),
    ],
)
def test_a_body_that_cannot_be(
    client: FlaskClient, tenant: TestTenant, sent: dict[str, Any], status: int, code: str
) -> None:
    headers = tenant.headers()
    _is_problem(client.post("/v1/api-keys", headers=headers, **sent), status, code)
    assert client.get("/v1/api-keys", headers=headers).get_json()["data"] == []


@pytest.mark.parametrize(
    ("query", "where", "code"),
    [
        ("limit=0", "?limit", "too_small"),
        ("limit=201", "?limit", "too_large"),
        ("limit=ten", "?limit", "not_an_integer"),
        ("limit=", "?limit", "not_an_integer"),
        ("limit=1&limit=2", "?limit", "named_twice"),
        ("after=x", "?after", "malformed"),
        ("after=%00", "?after", "malformed"),
        ("page=2", "?page", "unknown_field"),
        ("%ff=%fe", "?%FF", "unknown_field"),
    ],
)
def test_a_query_that_cannot_be(
    client: FlaskClient, tenant: TestTenant, query: str, where: str, code: str
) -> None:
    response = client.get(f"/v1/api-keys?{query}", headers=tenant.headers())
    [error] = _is_problem(response, 422, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == (where, code)


def test_what_is_missing_is_pointed_at(client: FlaskClient, tenant: TestTenant) -> None:
    wrong = {"role": "member", "sources": ["till", 5], "key": "mine"}
    response = client.post("/v1/api-keys", headers=tenant.headers(), json=wrong)
    errors = _is_problem(response, 422, "invalid")["errors"]
    assert {(error["pointer"], error["code"]) for error in errors} == {
        ("/name", "required"),
        ("/role", "not_one_of"),
        ("/sources/1", "not_a_string"),
        ("/key", "unknown_field"),
    }


def test_a_405_says_what_is_allowed(client: FlaskClient) -> None:
    assert set(client.put("/healthz").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_401_says_how(client: FlaskClient) -> None:
    assert client.get("/v1/programs").headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["r-1", "0a1b:2.3_4", "a" * 100])
def test_a_request_keeps_its_name(client: FlaskClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 101, "<script>", "é"])
def test_a_name_that_is_none_is_replaced(client: FlaskClient, given: str) -> None:
    told = client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert told != given
    assert len(told) == 36


# What goes wrong inside ---------------------------------------------------------------------------


class SoldOut(Conflict):
    """A refusal with all that a refusal can have."""

    code = "sold_out_for_a_test"
    retry_after_s = 7


@pytest.fixture(scope="module")
def failing(database: Own) -> FlaskClient:
    """The app with views that fail in ways of their own."""
    app = create_app()

    def refuse() -> str:
        raise SoldOut("None left.", errors=[FieldError("/reward", "sold_out", "None left.")])

    def fail() -> str:
        raise RuntimeError("the secret is lk_0123_abc")

    def sql(statement: str) -> str:
        with transaction(0) as session:
            session.execute(text(statement))
        return "done"

    statements = {
        "wrong_sql": "SELECT secret FROM nowhere",
        "slow_sql": "SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(5)",
        "lost_connection": "SELECT pg_terminate_backend(pg_backend_pid())",
        "any_sql": "SELECT 1",
    }
    app.add_url_rule("/refuse", "refuse", refuse)
    app.add_url_rule("/fail", "fail", fail)
    for name, statement in statements.items():
        app.add_url_rule(f"/{name}", name, partial(sql, statement))
    return app.test_client()


def test_a_refusal_is_told_in_full(failing: FlaskClient) -> None:
    response = failing.get("/refuse")
    told = _is_problem(response, 409, "sold_out_for_a_test")
    assert told["detail"] == "None left."
    assert told["errors"] == [{"pointer": "/reward", "code": "sold_out", "detail": "None left."}]
    assert response.headers["Retry-After"] == "7"


@pytest.mark.parametrize("path", ["/fail", "/wrong_sql"])
def test_a_bug_tells_its_request_and_nothing_else(failing: FlaskClient, path: str) -> None:
    response = failing.get(path, headers={"X-Request-Id": "r-17"})
    told = _is_problem(response, 500, "internal_error")
    assert told["request_id"] == "r-17"
    assert "secret" not in response.text
    assert "nowhere" not in response.text


@pytest.mark.parametrize("path", ["/slow_sql", "/lost_connection"])
def test_a_database_that_does_not_answer_is_a_503(failing: FlaskClient, path: str) -> None:
    response = failing.get(path)
    _is_problem(response, 503, "unavailable")
    assert response.headers["Retry-After"] == "1"
    assert failing.get("/any_sql").text == "done"


@pytest.fixture
def no_connection_left(database: Own, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every connection of the pool is taken, and nobody waits long."""
    pool: Any = engine(Role.APP).pool
    monkeypatch.setattr(pool, "_timeout", 0.01)
    with ExitStack() as taken:
        for _ in range(pool.size()):
            taken.enter_context(engine(Role.APP).connect())
        yield


@pytest.mark.usefixtures("no_connection_left")
def test_no_connection_left_is_a_503(failing: FlaskClient) -> None:
    response = failing.get("/any_sql")
    _is_problem(response, 503, "unavailable")
    assert response.headers["Retry-After"] == "1"


def test_a_deadlock_is_tried_once_more(tenant: TestTenant) -> None:
    for operation in ("one", "two"):
        with transaction(tenant.id) as session:
            session.execute(
                text(
                    "INSERT INTO idempotency (tenant_id, operation, key, input_hash, created_at)"
                    " VALUES (:tenant, :operation, '', '', now())"
                ),
                {"tenant": tenant.id, "operation": operation},
            )
    both_hold_one = threading.Barrier(2)
    one_is_through = threading.Event()
    tries: list[str] = []

    @again_after_deadlock
    def lock(first: str, second: str) -> None:
        tries.append(first)
        if len(tries) > 2:  # at once, it could have its row again before the other one wakes up
            assert one_is_through.wait(10)
        with transaction(tenant.id) as session:
            for operation in (first, second):
                session.execute(
                    text("SELECT 1 FROM idempotency WHERE operation = :operation FOR UPDATE"),
                    {"operation": operation},
                )
                if operation == first and len(tries) <= 2:
                    both_hold_one.wait(10)
        one_is_through.set()

    threads = [
        threading.Thread(target=lock, args=order) for order in (("one", "two"), ("two", "one"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert len(tries) == 3


class _Chosen(psycopg2.OperationalError):
    """Postgres chose this one to end a deadlock."""

    pgcode = "40P01"


@pytest.mark.parametrize(("chosen", "tries"), [(0, 1), (1, 2), (2, 3), (3, 3)])
def test_chosen_again_and_again_it_is_tried_three_times(chosen: int, tries: int) -> None:
    tried: list[int] = []

    @again_after_deadlock
    def act() -> str:
        tried.append(len(tried))
        if len(tried) <= chosen:
            raise OperationalError("", None, _Chosen())
        return "done"

    if chosen < 3:
        assert act() == "done"
    else:
        with pytest.raises(OperationalError):
            act()
    assert len(tried) == tries


# The pages that `type` points at ------------------------------------------------------------------


def test_every_problem_has_a_page_with_its_cure(client: FlaskClient) -> None:
    pages = client.get("/problems").get_json()["data"]
    assert {page["code"] for page in pages} >= {"not_found", "invalid", "idempotency_mismatch"}
    for page in pages:
        assert client.get(page["type"]).get_json() == page
        assert page["title"]
        assert page["cure"]


def test_a_code_means_one_thing() -> None:
    meanings: dict[str, set[int]] = {}
    for problem in every_problem():
        meanings.setdefault(problem.code, set()).add(problem.status)
    assert {code: statuses for code, statuses in meanings.items() if len(statuses) > 1} == {}


def test_only_decisions_of_the_book_are_remembered_under_a_key() -> None:
    for problem in (Problem, Invalid, Unavailable):
        assert not problem.business


@pytest.mark.parametrize("query", ["", "&", "&&"])
def test_a_query_of_nothing_is_none(client: FlaskClient, tenant: TestTenant, query: str) -> None:
    sent = {"headers": tenant.headers(), "json": {}}
    assert client.post(f"/v1/members/m/tokens?{query}", **sent).status_code == 201
