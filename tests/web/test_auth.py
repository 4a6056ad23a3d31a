"""Who gets in, as whom, and for how long: over the whole app, on every route."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from loyalty.audit.by import By
from loyalty.clock import wall_clock
from loyalty.tenants.add_key import add_key
from loyalty.tenants.revoke_key import revoke_key
from loyalty.tenants.roles import ALLOWED, Role
from loyalty.tenants.tokens import mint
from loyalty.transaction import across_tenants, transaction
from loyalty.web import auth
from tests.tenant import TestTenant, fresh_tenant


@pytest.fixture(autouse=True)
def nobody_is_remembered() -> None:
    """Each test starts as a process does."""
    auth._remembered.clear()


_SAMPLES = {
    "IdConverter": "00000000-0000-7000-8000-000000000000",
    "DayConverter": "2026-01-31",
    "EntryConverter": "1-1",
    "MailConverter": "tier_reached",
    "LanguageConverter": "en",
}


def _operations(app: Flask) -> list[tuple[str, str, str]]:
    """Method, path with sample values, and operation of every guarded route."""
    found = []
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None:
            path = rule.rule
            for argument in rule.arguments:
                kind = rule._converters[argument].__class__.__name__
                form = f"<{kind.removesuffix('Converter').lower()}:{argument}>"
                path = path.replace(form, _SAMPLES.get(kind, "x"))
            method = next(iter(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})))
            found.append((method, path, operation))
    return found


@pytest.mark.parametrize("role", Role)
def test_every_route_lets_in_whom_the_table_names(
    app: Flask, client: FlaskClient, tenant: TestTenant, role: Role
) -> None:
    member = "x" if role is Role.MEMBER else None
    headers = tenant.headers(role, member=member)
    for method, path, operation in _operations(app):
        response = client.open(path, method=method, headers=headers)
        forbidden = response.status_code == 403
        assert forbidden == (role not in ALLOWED[operation]), f"{role} {method} {path}"
        assert response.status_code != 401
        assert response.status_code < 500


def test_every_route_asks_first(app: Flask, client: FlaskClient) -> None:
    for method, path, _ in _operations(app):
        response = client.open(path, method=method, data=b"{", query_string="x=1")
        assert response.status_code == 401, f"{method} {path}"


def test_a_member_finds_only_their_own_door_open(
    app: Flask, client: FlaskClient, tenant: TestTenant
) -> None:
    headers = tenant.headers("member", member="somebody-else")
    for method, path, operation in _operations(app):
        if Role.MEMBER in ALLOWED[operation] and "/members/x" in path:
            response = client.open(path, method=method, headers=headers)
            assert response.status_code == 403, f"{method} {path}"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer lk_",
        "Bearer lk_0123_abc",
        "Bearer lk_%00_x",
        "Basic YTpi",
        "Bearer a.b.c",
        "Bearer é",
        f"Bearer {'x' * 9000}",
    ],
)
def test_nobody_gets_in_as_nobody(client: FlaskClient, tenant: TestTenant, header: str) -> None:
    response = client.get("/v1/api-keys", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.get_json()["code"] == "unauthenticated"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_has_no_case(client: FlaskClient, tenant: TestTenant, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {tenant.token()}"}
    assert client.get("/v1/api-keys", headers=headers).status_code == 200


def _key(tenant: TestTenant, **changed: Any) -> tuple[Any, dict[str, str]]:
    wanted: dict[str, Any] = {
        "tenant_id": tenant.id,
        "name": "till",
        "role": Role.ADMIN,
        "scopes": None,
        "sources": None,
        "expires_at": None,
        "at": wall_clock(),
    }
    with transaction(tenant.id) as session:
        key, bearer = add_key(session, **{**wanted, **changed})
    return key, {"Authorization": f"Bearer {bearer}"}


def test_a_key_gets_in_until_it_is_revoked(client: FlaskClient, tenant: TestTenant) -> None:
    key, headers = _key(tenant)
    assert client.get("/v1/api-keys", headers=headers).status_code == 200
    with transaction(tenant.id) as session:
        revoke_key(session, key.id, By("anna", None, wall_clock()))
    assert client.get("/v1/api-keys", headers=headers).status_code == 200  # still remembered …
    for header, (who, until_s) in auth._remembered.items():
        auth._remembered[header] = who, until_s - auth.REMEMBERED_S
    assert client.get("/v1/api-keys", headers=headers).status_code == 401  # … for ten seconds


def test_a_key_is_remembered_no_longer_than_it_lives(
    client: FlaskClient, tenant: TestTenant
) -> None:
    _, headers = _key(tenant, expires_at=wall_clock() + timedelta(seconds=2))
    assert client.get("/v1/api-keys", headers=headers).status_code == 200
    [(_, until_s)] = auth._remembered.values()
    assert until_s - time.monotonic() <= 2


def test_a_token_is_remembered_no_longer_than_it_lives(
    client: FlaskClient, tenant: TestTenant
) -> None:
    token = mint(
        tenant.issuer, role=Role.ADMIN, subject="a", life=timedelta(seconds=3), at=wall_clock()
    )
    client.get("/v1/api-keys", headers={"Authorization": f"Bearer {token}"})
    [(_, until_s)] = auth._remembered.values()
    assert until_s - time.monotonic() <= 3


def test_what_is_remembered_is_bounded(
    client: FlaskClient, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_MOST_REMEMBERED", 3)
    for number in range(7):
        token = mint(
            tenant.issuer,
            role=Role.ADMIN,
            subject=f"a{number}",
            life=timedelta(hours=1),
            at=wall_clock(),
        )
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/v1/api-keys", headers=headers).status_code == 200
        assert len(auth._remembered) <= 3


def test_a_key_may_do_what_its_scopes_name(client: FlaskClient, tenant: TestTenant) -> None:
    _, headers = _key(tenant, scopes=["api_keys.read", "tokens"])
    assert client.get("/v1/api-keys", headers=headers).status_code == 200
    refused = client.post("/v1/api-keys", headers=headers, json={"name": "x"})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "scope_missing")
    assert client.post("/v1/members/m/tokens", headers=headers, json={}).status_code == 201


def test_nothing_of_another_tenant_exists(client: FlaskClient, tenant: TestTenant) -> None:
    with across_tenants() as session:
        other = fresh_tenant(session)
    key, _ = _key(tenant)
    refused = client.delete(f"/v1/api-keys/{key.id}", headers=other.headers())
    assert (refused.status_code, refused.get_json()["code"]) == (404, "not_found")
    assert client.get("/v1/api-keys", headers=other.headers()).get_json()["data"] == []
    [shown] = client.get("/v1/api-keys", headers=tenant.headers()).get_json()["data"]
    assert shown["revoked_at"] is None


def test_a_minted_token_speaks_for_its_member(client: FlaskClient, tenant: TestTenant) -> None:
    told = client.post(
        "/v1/members/m-1/tokens", headers=tenant.headers("server"), json={"expires_in_s": 60}
    ).get_json()
    assert told["member_id"] == "m-1"
    headers = {"Authorization": f"Bearer {told['token']}"}
    own = client.get("/v1/programs/none/members/m-1", headers=headers)
    others = client.get("/v1/programs/none/members/m-2", headers=headers)
    assert (own.status_code, others.status_code) == (404, 403)
    again = client.post("/v1/members/m-1/tokens", headers=headers, json={})
    assert again.status_code == 403


@pytest.mark.parametrize("life_s", [0, -1, 3601, 1.5, "60", None])
def test_a_token_lives_an_hour_at_most(
    client: FlaskClient, tenant: TestTenant, life_s: object
) -> None:
    response = client.post(
        "/v1/members/m-1/tokens", headers=tenant.headers(), json={"expires_in_s": life_s}
    )
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["pointer"] == "/expires_in_s"
