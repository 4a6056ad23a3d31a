"""Ways in."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.servers import Own
from tests.tenant import TestTenant, fresh_tenant
from tests.web.rest.caller import Caller


@pytest.fixture(scope="module", autouse=True)
def _nobody_else(alone: str) -> None:
    """What is accepted here waits until the test itself awards it."""


@pytest.fixture
def call(client: FlaskClient, tenant: TestTenant) -> Caller:
    """A tenant in which nothing is."""
    return Caller(client, tenant)


@pytest.fixture
def stranger(client: FlaskClient, database: Own) -> Caller:
    """Another tenant."""
    from loyalty.transaction import across_tenants

    with across_tenants() as session:
        return Caller(client, fresh_tenant(session))


@pytest.fixture
def wine(call: Caller) -> Caller:
    """A tenant with the program "wine", in which ann is enrolled."""
    assert call("POST", "/programs", {"slug": "wine", "name": "Wine"}).status == 201
    assert call("POST", "/programs/wine/members", {"member_id": "ann"}).status == 201
    return call
