"""The book's verdict over HTTP."""

from __future__ import annotations

from flask.testing import FlaskClient

from loyalty.book.checks import OF_ACCOUNTS, OF_PROGRAMS
from loyalty.transaction import transaction
from tests.opened import give, joined, opened
from tests.tenant import TestTenant


def test_a_book_that_holds(client: FlaskClient, tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program, points=120)
        give(session, program, -20)
    seen = client.get("/v1/audit", headers=tenant.headers("finance")).get_json()
    del seen["took_ms"]
    assert seen == {
        "holds": True,
        "programs": 1,
        "accounts": 1,
        "entries": 2,
        "activities": 0,
        "questions": len(OF_ACCOUNTS | OF_PROGRAMS),
        "broken": [],
    }


def test_an_unknown_program_is_not_found(client: FlaskClient, tenant: TestTenant) -> None:
    refused = client.get("/v1/audit?program=nobody", headers=tenant.headers("finance"))
    assert (refused.status_code, refused.get_json()["code"]) == (404, "not_found")


def test_members_are_not_shown_the_book(client: FlaskClient, tenant: TestTenant) -> None:
    refused = client.get("/v1/audit", headers=tenant.headers(member="ann"))
    assert (refused.status_code, refused.get_json()["code"]) == (403, "forbidden")
