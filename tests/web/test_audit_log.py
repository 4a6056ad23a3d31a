"""Every administrative act leaves a record: who, what, before and after, in which request.

Every operation of the document that changes anything is called by an admin of a tenant with rows in
every table, with everything the tenant has in its path. What was answered with a success and is no
daily business of tills and members must be found in the log by its request.
"""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from loyalty.audit.queries import Sought, records
from loyalty.transaction import across_tenants, transaction
from tests.book.conftest import written
from tests.tenant import TestTenant, fresh_tenant
from tests.web.document import Operation, operations
from tests.web.test_another_tenant import Values, values_of

#: What shops and members do all day stands in the book itself; the others change nothing.
_NO_ACTS = {
    "earns.create",
    "returns.create",
    "redemptions.create",
    "members.enrol",
    "members.read",
    "members.search",
    "referrals.code",
    "totals.tell",
    # Its record tells no request: that would lead, through other logs, to whom nobody shall know.
    "members.erase",
}
#: Batches, whose items may all have been refused; and what only looks, tries, or says what is so.
_CHANGED_NOTHING = {
    ("retailers.change", "retailers_upsert_batch"),
    ("products.change", "products_upsert_batch"),
    ("promotions.read", "promotions_check"),
    ("segments.change", "segments_count"),
    ("webhooks.change", "webhooks_test"),
    ("mails.subscribe", "mails_replace"),
}
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def full(app: Flask, _any_role: Engine) -> tuple[TestTenant, Values]:
    """A tenant with rows in every table, and all that stands in them."""
    with across_tenants() as session:
        tenant = fresh_tenant(session)
    with transaction(tenant.id) as session:
        written(session)
    with _any_role.connect() as connection:
        return tenant, values_of(connection, tenant.id)


@pytest.mark.timeout(400)
def test_every_act_leaves_a_record(client: FlaskClient, full: tuple[TestTenant, Values]) -> None:
    tenant, values = full
    done: set[tuple[str, str]] = set()
    recorded: set[tuple[str, str]] = set()
    document = client.get("/openapi.json").get_json()
    for one in sorted(operations(document), key=_ends_things):
        operation = one.told["x-operation"]
        if one.method not in _CHANGES or one.told["x-roles"] == ["platform"]:
            continue
        for path in _paths(one, values):
            request_id = uuid4().hex
            if _succeeds(client, tenant, one, path, request_id):
                done.add((operation, one.name))
                with transaction(tenant.id) as session:
                    found = records(session, None, 9, Sought(request_id=request_id))
                assert all(record.actor == "admin:admin" for record in found)
                if found:
                    recorded.add((operation, one.name))
                    break
    unrecorded = {(what, name) for what, name in done - recorded if what not in _NO_ACTS}
    assert unrecorded - _CHANGED_NOTHING == set(), "\n".join(map(str, sorted(unrecorded)))
    assert len(recorded) > 30, sorted(recorded)


def _ends_things(one: Operation) -> bool:
    """Later there would be nobody left for the others."""
    return one.method == "DELETE" or one.told["x-operation"] == "members.erase"


def _paths(one: Operation, values: Values) -> list[str]:
    """Its path with everything that fits; the program and the member are known."""
    known = {"program": "wine", "member_id": "ann"}
    free = [name for name in one.places if name not in known]
    if not free:
        return [one.path.format(**known)]
    [first, *others] = free
    rest = {name: next(iter(values.of_form(one.places[name])), "x") for name in others}
    return [
        one.path.format(**{**known, **rest, first: value})
        for value in values.of_form(one.places[first])
        if re.search(one.places[first], value)
    ]


def _succeeds(
    client: FlaskClient, tenant: TestTenant, one: Operation, path: str, request_id: str
) -> bool:
    headers = {
        **tenant.headers(),
        "Idempotency-Key": uuid4().hex,
        "X-Request-Id": request_id,
    }
    body = one.body("ann")
    answer = client.open(
        path,
        method=one.method,
        headers=headers,
        data=None if body is None else json.dumps(body),
        content_type=None if body is None else "application/json",
    )
    return answer.status_code < 300
