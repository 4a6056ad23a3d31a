"""A person logs in, and the token ends with them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from loyalty.audit.queries import records
from loyalty.config import config
from loyalty.transaction import transaction
from loyalty.web import auth, limits
from tests.tenant import TestTenant

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def address(app: Flask, client: FlaskClient) -> str:
    """Each test calls from an address of its own, and each is remembered by nobody."""
    auth._remembered.clear()
    own = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"
    client.environ_base["REMOTE_ADDR"] = own
    return own


def add(client: FlaskClient, tenant: TestTenant, name: str = "anna", role: str = "admin") -> Any:
    """A person, as POST /v1/operators tells them."""
    made = client.post(
        "/v1/operators",
        headers=tenant.headers(),
        json={"name": name, "role": role, "password": PASSWORD},
    )
    assert made.status_code == 201, made.text
    return made.get_json()


def log_in(client: FlaskClient, tenant: str, name: str = "anna", password: str = PASSWORD) -> Any:
    """The answer of the door."""
    told = {"tenant": tenant, "name": name, "password": password}
    return client.post("/v1/log-in", json=told)


def _headers(answer: TestResponse) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.get_json()['token']}"}


def test_a_password_becomes_a_token_of_an_hour(client: FlaskClient, tenant: TestTenant) -> None:
    made = add(client, tenant, "Anna", "support")
    assert "password" not in str(made)
    answer = log_in(client, tenant.slug, "ANNA")
    told = answer.get_json()
    assert (told["name"], told["role"]) == ("anna", "support")
    life = datetime.fromisoformat(told["expires_at"]).timestamp() - time.time()
    assert 3590 < life <= 3600
    me = client.get("/v1/me", headers=_headers(answer)).get_json()
    assert (me["tenant"], me["role"], me["actor"]) == (tenant.slug, "support", "support:anna")
    assert client.get("/v1/operators", headers=_headers(answer)).status_code == 403
    [shown] = client.get("/v1/operators", headers=tenant.headers()).get_json()["data"]
    assert shown["last_log_in_at"] is not None


def test_which_of_the_three_is_wrong_is_not_told(client: FlaskClient, tenant: TestTenant) -> None:
    add(client, tenant)
    answers = [
        log_in(client, "nobody"),
        log_in(client, tenant.slug, "bob"),
        log_in(client, tenant.slug, password="wrong, but long enough"),
    ]
    bodies = {answer.get_data() for answer in answers}
    assert {answer.status_code for answer in answers} == {401}
    assert len(bodies) == 1
    assert answers[0].get_json()["code"] == "wrong_credentials"


def test_who_is_unknown_is_told_so_no_sooner(client: FlaskClient, tenant: TestTenant) -> None:
    """Each look at a password costs the same, also one that nobody has."""
    add(client, tenant)

    def took_s(name: str) -> float:
        began_s = time.perf_counter()
        assert log_in(client, tenant.slug, name, "wrong, but long enough").status_code == 401
        return time.perf_counter() - began_s

    took_s("bob")  # the first makes the hash that nobody has
    known, unknown = (min(took_s(name) for _ in range(3)) for name in ("anna", "bob"))
    assert unknown > known / 2


def test_a_change_ends_every_token(client: FlaskClient, tenant: TestTenant) -> None:
    anna = add(client, tenant, role="support")
    headers = _headers(log_in(client, tenant.slug))
    path = f"/v1/operators/{anna['id']}"
    client.patch(path, headers=tenant.headers(), json={"role": "finance"})
    auth._remembered.clear()
    assert client.get("/v1/me", headers=headers).status_code == 401
    headers = _headers(log_in(client, tenant.slug))
    assert client.get("/v1/me", headers=headers).get_json()["role"] == "finance"
    shown = client.patch(path, headers=tenant.headers(), json={"disabled": True}).get_json()
    assert shown["disabled_at"] is not None
    auth._remembered.clear()
    assert client.get("/v1/me", headers=headers).status_code == 401
    assert log_in(client, tenant.slug).status_code == 401


def test_a_person_whom_somebody_else_changed_meanwhile_stays(
    client: FlaskClient, tenant: TestTenant
) -> None:
    path = f"/v1/operators/{add(client, tenant, role='support')['id']}"
    read = client.get(path, headers=tenant.headers())
    knowing = {**tenant.headers(), "If-Match": read.headers["ETag"]}
    first = client.patch(path, headers=knowing, json={"role": "finance"})
    assert first.status_code == 200
    assert client.patch(path, headers=knowing, json={"disabled": True}).status_code == 412
    now = client.get(path, headers=tenant.headers())
    assert (now.get_json()["role"], now.get_json()["disabled_at"]) == ("finance", None)
    assert now.headers["ETag"] == first.headers["ETag"] != read.headers["ETag"]


def test_ones_own_password(client: FlaskClient, tenant: TestTenant) -> None:
    add(client, tenant)
    headers = _headers(log_in(client, tenant.slug))
    wish = {"present": "not this one, no", "password": "another good sentence"}
    refused = client.post("/v1/me/password", headers=headers, json=wish)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "wrong_password")
    wish["present"] = PASSWORD
    assert client.post("/v1/me/password", headers=headers, json=wish).status_code == 204
    auth._remembered.clear()
    assert client.get("/v1/me", headers=headers).status_code == 401
    assert log_in(client, tenant.slug).status_code == 401
    assert log_in(client, tenant.slug, password="another good sentence").status_code == 200


def test_who_has_a_token_guesses_no_password(
    client: FlaskClient, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client, tenant)
    headers = _headers(log_in(client, tenant.slug))
    few = replace(config(), log_ins_per_minute=3)
    monkeypatch.setattr(limits, "config", lambda: few)
    wish = {"present": "not this one, no", "password": "another good sentence"}
    told = [client.post("/v1/me/password", headers=headers, json=wish) for _ in range(4)]
    assert [one.status_code for one in told] == [409, 409, 409, 429]


def test_logging_out_ends_every_token_of_ones_own(client: FlaskClient, tenant: TestTenant) -> None:
    add(client, tenant)
    add(client, tenant, "bob")
    here, there, bob = (
        _headers(log_in(client, tenant.slug, name)) for name in ("anna", "anna", "bob")
    )
    assert client.post("/v1/me/log-out", headers=here).status_code == 204
    auth._remembered.clear()
    statuses = [client.get("/v1/me", headers=one).status_code for one in (here, there, bob)]
    assert statuses == [401, 401, 200]


def test_a_token_without_a_password_has_none_to_change(
    client: FlaskClient, tenant: TestTenant
) -> None:
    wish = {"present": PASSWORD, "password": "another good sentence"}
    refused = client.post("/v1/me/password", headers=tenant.headers(), json=wish)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "no_operator")


def test_a_restricted_key_lets_nobody_in(client: FlaskClient, tenant: TestTenant) -> None:
    wanted = {"name": "k", "role": "admin", "scopes": ["operators"]}
    made = client.post("/v1/api-keys", headers=tenant.headers(), json=wanted).get_json()
    as_key = {"Authorization": f"Bearer {made['key']}"}
    person = {"name": "eve", "role": "admin", "password": PASSWORD}
    refused = client.post("/v1/operators", headers=as_key, json=person)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "scope_missing")
    anna = add(client, tenant)
    path = f"/v1/operators/{anna['id']}"
    assert client.patch(path, headers=as_key, json={"password": PASSWORD}).status_code == 403
    assert client.get(path, headers=as_key).status_code == 200


def test_so_many_tries_a_minute_from_one_address(
    client: FlaskClient, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    add(client, tenant)
    few = replace(config(), log_ins_per_minute=3)
    monkeypatch.setattr(limits, "config", lambda: few)
    wrong = [log_in(client, tenant.slug, password="x").status_code for _ in range(2)]
    assert wrong == [401, 401]
    client.environ_base["REMOTE_ADDR"] = address.removesuffix("1") + "2"  # of the same network
    assert log_in(client, tenant.slug).status_code == 200
    refused = log_in(client, tenant.slug)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"log-ins";q=3;w=60'
    assert client.post("/v1/log-in", data=b"{").status_code == 429  # before anything is read
    client.environ_base["REMOTE_ADDR"] = "192.0.2.77"
    assert log_in(client, tenant.slug, password="x").status_code == 401


def test_who_logged_in_is_written_down(client: FlaskClient, tenant: TestTenant) -> None:
    add(client, tenant)
    log_in(client, tenant.slug)
    log_in(client, tenant.slug, password="wrong, but long enough")
    with transaction(tenant.id) as session:
        written = [(one.act, one.actor, one.subject) for one in records(session, None, 9)]
    assert written == [
        ("operator.log_in", "admin:anna", "operator anna"),
        ("operator.add", "admin:admin", "operator anna"),
    ]
