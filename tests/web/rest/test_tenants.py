"""The platform's own door: its token opens it, and nobody of a tenant does."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from loyalty.audit.queries import records
from loyalty.config import config
from loyalty.tenants.queries import tenant_id_of
from loyalty.transaction import across_tenants, transaction
from loyalty.web import auth
from tests.tenant import TestTenant

TOKEN = "p" * 32
PLATFORM = {"Authorization": f"Bearer {TOKEN}", "X-Request-Id": "r-7"}
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def platform(database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a platform with a token."""
    known = replace(config(), platform_token=TOKEN)
    monkeypatch.setattr(auth, "config", lambda: known)
    auth._remembered.clear()


@pytest.fixture
def slug(client: FlaskClient) -> str:
    """A tenant that the platform has added."""
    slug = f"t-{uuid4().hex}"
    made = _call(client, "POST", "", {"slug": slug, "name": "Acme"})
    assert made.status_code == 201, made.text
    return slug


def _call(client: FlaskClient, method: str, path: str, body: object = None) -> TestResponse:
    return client.open(f"/v1/tenants{path}", method=method, headers=PLATFORM, json=body)


def test_a_tenant_is_added_told_and_renamed(client: FlaskClient, slug: str) -> None:
    told = _call(client, "GET", f"/{slug}").get_json()
    assert (told["name"], told["sandbox"], told["suspended_at"]) == ("Acme", False, None)
    listed = _call(client, "GET", "?limit=1").get_json()
    assert listed["data"] == [told]
    renamed = _call(client, "PATCH", f"/{slug}", {"name": "Acme Ltd"})
    assert (renamed.get_json()["name"], renamed.headers["ETag"]) == ("Acme Ltd", '"2"')
    stale = client.patch(
        f"/v1/tenants/{slug}", headers={**PLATFORM, "If-Match": '"1"'}, json={"name": "X"}
    )
    assert stale.status_code == 412
    again = _call(client, "POST", "", {"slug": slug, "name": "Again"})
    assert (again.status_code, again.get_json()["code"]) == (409, "tenant_exists")
    assert _call(client, "GET", f"/t-{uuid4().hex}").status_code == 404


def test_its_first_person_lets_the_others_in(client: FlaskClient, slug: str) -> None:
    person = {"name": "anna", "password": PASSWORD}
    made = _call(client, "POST", f"/{slug}/operators", person)
    assert (made.status_code, made.get_json()["role"]) == (201, "admin")
    token = client.post("/v1/log-in", json={"tenant": slug, **person}).get_json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    other = {"name": "bob", "role": "support", "password": PASSWORD}
    assert client.post("/v1/operators", headers=headers, json=other).status_code == 201
    assert client.get("/v1/me", headers=headers).get_json()["tenant"] == slug


def test_nobody_of_a_suspended_tenant_gets_in(client: FlaskClient, slug: str) -> None:
    person = {"name": "anna", "password": PASSWORD}
    _call(client, "POST", f"/{slug}/operators", person)
    credentials = {"tenant": slug, **person}
    token = client.post("/v1/log-in", json=credentials).get_json()["token"]
    as_anna = {"Authorization": f"Bearer {token}"}
    made = client.post("/v1/api-keys", headers=as_anna, json={"name": "till"}).get_json()
    as_till = {"Authorization": f"Bearer {made['key']}"}

    def statuses() -> list[int]:
        auth._remembered.clear()
        return [client.get("/v1/me", headers=who).status_code for who in (as_anna, as_till)]

    assert statuses() == [200, 200]
    told = _call(client, "POST", f"/{slug}/suspend", {"reason": "unpaid"}).get_json()
    assert told["suspended_reason"] == "unpaid"
    assert statuses() == [403, 403]
    refused = client.post("/v1/log-in", json=credentials)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "tenant_suspended")
    twice = _call(client, "POST", f"/{slug}/suspend", {"reason": "unpaid"})
    assert (twice.status_code, twice.get_json()["code"]) == (409, "tenant_wrong_state")
    assert _call(client, "POST", f"/{slug}/resume", {"reason": "paid"}).status_code == 200
    assert statuses() == [200, 200]


@pytest.mark.parametrize("role", ["admin", "operator", "server", "member"])
def test_nobody_of_a_tenant_opens_it(client: FlaskClient, tenant: TestTenant, role: str) -> None:
    headers = tenant.headers(role, member="ann" if role == "member" else None)
    for method, path in (("GET", ""), ("POST", ""), ("POST", f"/{tenant.slug}/suspend")):
        refused = client.open(f"/v1/tenants{path}", method=method, headers=headers, json={})
        assert (refused.status_code, refused.get_json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("token", ["", "p" * 31, "p" * 33, "P" * 32, "é" * 16])
def test_no_other_token_opens_it(client: FlaskClient, token: str) -> None:
    header = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
    assert client.get("/v1/tenants", headers=header).status_code == 401


def test_the_platforms_token_opens_nothing_else(client: FlaskClient) -> None:
    assert client.get("/v1/me", headers=PLATFORM).status_code == 401
    assert client.get("/v1/programs", headers=PLATFORM).status_code == 401


def test_without_a_platform_the_door_is_shut(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = replace(config(), platform_token="")
    monkeypatch.setattr(auth, "config", lambda: nobody)
    for header in ("Bearer ", f"Bearer {TOKEN}"):
        refused = client.get("/v1/tenants", headers={"Authorization": header})
        assert refused.status_code == 401


def test_it_stands_in_the_tenants_own_log(client: FlaskClient, slug: str) -> None:
    _call(client, "POST", f"/{slug}/suspend", {"reason": "unpaid"})
    with across_tenants() as session:
        tenant_id = tenant_id_of(session, slug)
    with transaction(tenant_id) as session:
        suspended, added = records(session, None, 9)
    assert (added.act, added.actor, added.request_id) == ("tenant.add", "platform", "r-7")
    assert (suspended.act, suspended.reason, suspended.before, suspended.after) == (
        "tenant.suspend",
        "unpaid",
        {"suspended": False},
        {"suspended": True},
    )
