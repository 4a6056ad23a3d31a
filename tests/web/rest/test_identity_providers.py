"""Tokens of other houses: believed by their keys, for one audience, in some roles, and not else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from loyalty import outbound
from loyalty.audit.queries import Sought, records
from loyalty.config import config
from loyalty.transaction import across_tenants, transaction
from loyalty.web import auth
from tests.tenant import TestTenant, fresh_tenant
from tests.tenants.provider import EC, ED, RSA, Provider, jwk, published

PATH = "/v1/identity-providers"
ME = "/v1/me"


@pytest.fixture
def provider() -> Provider:
    """A provider whose keys are given."""
    return Provider()


@pytest.fixture
def online(database: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A provider whose keys stand behind a URL, which here is on loopback."""
    near = replace(config(), private_addresses=True)
    monkeypatch.setattr(outbound, "config", lambda: near)
    with published() as provider:
        yield provider


def _trust(client: FlaskClient, tenant: TestTenant, order: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(PATH, headers=tenant.headers(), json=order)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.get_json()
    return told


def _status(client: FlaskClient, headers: dict[str, str]) -> int:
    return client.get(ME, headers=headers).status_code


def test_a_token_of_the_provider_speaks_for_the_tenant_that_trusts_it(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    assert _status(client, provider.token()) == 401
    told = _trust(client, tenant, provider.order())
    assert told["keys"] == [{"kid": "k1", "algorithm": "RS256"}]
    me = client.get(ME, headers=provider.token()).get_json()
    assert (me["tenant"], me["role"], me["actor"]) == (tenant.slug, "admin", "admin:anna")


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RS256", "ES256", "EdDSA"])
def test_every_kind_of_key_is_believed(
    client: FlaskClient, tenant: TestTenant, provider: Provider, key: Any
) -> None:
    provider.keys = {"k1": key}
    _trust(client, tenant, provider.order())
    assert _status(client, provider.token()) == 200


def test_what_is_not_exactly_right_is_not_believed(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    _trust(client, tenant, provider.order())
    now = datetime.now(UTC)
    for wrong in (
        provider.token(key=EC),  # another key under that name
        provider.token("k2", RSA),  # a name that is not known
        provider.token(aud="elsewhere"),
        provider.token(aud=None),
        provider.token(iss=f"{provider.iss}x"),
        provider.token(exp=now - timedelta(seconds=11)),
        provider.token(exp=None),
        provider.token(nbf=now + timedelta(seconds=60)),
        provider.token(role="finance"),  # a role that it may not give
        provider.token(role="root"),
        provider.token(role=None),
        provider.token(sub=None),
        provider.token(sub=""),
        _hmac_with_the_public_key(provider),
        _unsigned(provider),
    ):
        assert _status(client, wrong) == 401


def _hmac_with_the_public_key(provider: Provider) -> dict[str, str]:
    public = str(jwk(RSA, "k1")["n"])
    claims = {"iss": provider.iss, "aud": "loyalty", "sub": "a", "role": "admin", "exp": 9**10}
    signed = jwt.encode(claims, public, "HS256", headers={"kid": "k1"})
    return {"Authorization": f"Bearer {signed}"}


def _unsigned(provider: Provider) -> dict[str, str]:
    claims = {"iss": provider.iss, "aud": "loyalty", "sub": "a", "role": "admin", "exp": 9**10}
    signed = jwt.encode(claims, "", "none", headers={"kid": "k1"})
    return {"Authorization": f"Bearer {signed}"}


def test_a_token_of_theirs_is_no_operator_of_ours(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    """What it says of an operator is not looked at, so it opens no password door."""
    _trust(client, tenant, provider.order())
    headers = provider.token(operator=[str(uuid4()), 1])
    answer = client.post(f"{ME}/log-out", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "no_operator")


def test_the_leeway_is_the_settings(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    _trust(client, tenant, provider.order(leeway_s=120))
    now = datetime.now(UTC)
    assert _status(client, provider.token(exp=now - timedelta(seconds=60))) == 200
    assert _status(client, provider.token(exp=now - timedelta(seconds=180))) == 401


def test_members_by_a_claim_of_their_own(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    """With one role a token need not name it; who it is stands where the provider says it."""
    order = provider.order(roles=["member"], subject_claim="customer")
    _trust(client, tenant, order)
    me = client.get(ME, headers=provider.token(role=None, customer="m-1")).get_json()
    assert (me["role"], me["member_id"]) == ("member", "m-1")
    assert _status(client, provider.token(role="admin", customer="m-1")) == 401


def test_a_foreign_tenants_provider_opens_nothing_here(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    with across_tenants() as session:
        other = fresh_tenant(session)
    made = _trust(client, other, provider.order())
    assert client.get(ME, headers=provider.token()).get_json()["tenant"] == other.slug
    assert client.get(PATH, headers=tenant.headers()).get_json()["data"] == []
    for method in ("GET", "PATCH", "DELETE"):
        answer = client.open(
            f"{PATH}/{made['id']}", method=method, headers=tenant.headers(), json={}
        )
        assert answer.status_code == 404
    again = client.post(PATH, headers=tenant.headers(), json=provider.order())
    assert (again.status_code, again.get_json()["code"]) == (409, "provider_taken")


def test_given_keys_are_rotated(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    made = _trust(client, tenant, provider.order())
    old = provider.token()
    assert _status(client, old) == 200
    provider.keys = {"k2": EC}
    changed = client.patch(
        f"{PATH}/{made['id']}",
        headers={**tenant.headers(), "If-Match": '"1"'},
        json={"jwks": provider.jwks()},
    )
    assert changed.get_json()["keys"] == [{"kid": "k2", "algorithm": "ES256"}]
    auth._remembered.clear()
    assert (_status(client, old), _status(client, provider.token("k2"))) == (401, 200)
    stale = client.patch(
        f"{PATH}/{made['id']}", headers={**tenant.headers(), "If-Match": '"1"'}, json={}
    )
    assert stale.status_code == 412


def test_who_is_distrusted_opens_nothing_any_more(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    made = _trust(client, tenant, provider.order())
    assert client.delete(f"{PATH}/{made['id']}", headers=tenant.headers()).status_code == 204
    assert _status(client, provider.token()) == 401


@pytest.mark.parametrize(
    ("changed", "pointer", "code"),
    [
        ({"jwks": None}, "/jwks", "required"),
        ({"url": "https://x.example/"}, "/url", "not_both"),
        ({"jwks": {"keys": []}}, "/jwks", "unusable_keys"),
        ({"jwks": None, "url": "http://x.example/"}, "/url", "unusable_keys"),
        ({"jwks": None, "url": "https://127.0.0.1/"}, "/url", "unusable_keys"),
        ({"jwks": None, "url": "https://169.254.169.254/"}, "/url", "unusable_keys"),
        ({"roles": []}, "/roles", "wrong_length"),
        ({"roles": ["root"]}, "/roles/0", "not_one_of"),
        ({"iss": "loyalty:default"}, "/iss", "reserved"),
        ({"leeway_s": 301}, "/leeway_s", "too_large"),
    ],
)
def test_what_cannot_be_trusted_is_refused(
    client: FlaskClient,
    tenant: TestTenant,
    provider: Provider,
    changed: dict[str, Any],
    pointer: str,
    code: str,
) -> None:
    answer = client.post(PATH, headers=tenant.headers(), json=provider.order(**changed))
    assert answer.status_code == 422, answer.text
    [error] = answer.get_json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


def test_keys_behind_a_url_are_read_when_it_is_trusted(
    client: FlaskClient, tenant: TestTenant, online: Provider
) -> None:
    told = _trust(client, tenant, online.order(jwks=None, url=online.url))
    assert (told["url"], told["trouble"], online.asked) == (online.url, None, 1)
    for _ in range(5):
        assert _status(client, online.token()) == 200
    assert online.asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        (404, b""),
        (302, b""),
        (200, b"no json"),
        (200, b"{}"),
        (200, b" " * 70_000),
        (200, b"[" * 9000),
    ],
)
def test_a_url_without_keys_is_not_trusted(
    client: FlaskClient, tenant: TestTenant, online: Provider, answer: tuple[int, bytes]
) -> None:
    online.answer = answer
    refused = client.post(
        PATH, headers=tenant.headers(), json=online.order(jwks=None, url=online.url)
    )
    assert refused.get_json()["errors"][0]["code"] == "unusable_keys"


def _ago(tenant: TestTenant, **minutes: int) -> None:
    """As if the keys had been read and tried so many minutes earlier."""
    with transaction(tenant.id) as session:
        for column, many in minutes.items():
            session.execute(
                text(f"UPDATE key_set SET {column} = {column} - :many * interval '1 minute'"),
                {"many": many},
            )


def test_a_new_key_is_found_when_a_token_names_it(
    client: FlaskClient, tenant: TestTenant, online: Provider
) -> None:
    _trust(client, tenant, online.order(jwks=None, url=online.url))
    online.keys = {"k2": EC}
    assert _status(client, online.token("k2")) == 401  # read a moment ago: nobody asks again
    assert online.asked == 1
    _ago(tenant, tried_at=1)
    assert _status(client, online.token("k2")) == 200
    assert (online.asked, _status(client, online.token("k1", RSA))) == (2, 401)
    with transaction(tenant.id) as session:
        [written] = records(session, None, 9, Sought(act="provider.keys"))
    assert (written.actor, written.before, written.after) == (
        ":keys",
        {"kids": ["k1"]},
        {"kids": ["k2"]},
    )


def test_no_flood_of_tokens_becomes_one_of_calls(
    client: FlaskClient, tenant: TestTenant, online: Provider
) -> None:
    _trust(client, tenant, online.order(jwks=None, url=online.url))
    _ago(tenant, tried_at=1)
    for number in range(20):
        assert _status(client, online.token(f"x{number}", RSA)) == 401
    assert online.asked == 2


def test_a_key_that_was_withdrawn_is_believed_for_ten_minutes_at_most(
    client: FlaskClient, tenant: TestTenant, online: Provider
) -> None:
    _trust(client, tenant, online.order(jwks=None, url=online.url))
    online.keys = {"k2": EC}
    _ago(tenant, tried_at=9, fetched_at=9)
    assert _status(client, online.token("k1", RSA)) == 200
    _ago(tenant, tried_at=1, fetched_at=1)
    assert _status(client, online.token("k1", RSA)) == 401


def test_while_its_owner_does_not_answer_a_key_is_believed_for_a_day(
    client: FlaskClient, tenant: TestTenant, online: Provider
) -> None:
    made = _trust(client, tenant, online.order(jwks=None, url=online.url))
    online.answer = (500, b"")
    _ago(tenant, tried_at=60, fetched_at=24 * 60 - 1)
    assert _status(client, online.token()) == 200
    shown = client.get(f"{PATH}/{made['id']}", headers=tenant.headers()).get_json()
    assert shown["trouble"] == "The answer was 500, and not 200."
    _ago(tenant, tried_at=60, fetched_at=2)
    assert _status(client, online.token()) == 401
    online.answer = None
    _ago(tenant, tried_at=60)
    assert _status(client, online.token()) == 200
    shown = client.get(f"{PATH}/{made['id']}", headers=tenant.headers()).get_json()
    assert shown["trouble"] is None


def test_who_trusts_and_distrusts_is_written_down(
    client: FlaskClient, tenant: TestTenant, provider: Provider
) -> None:
    made = _trust(client, tenant, provider.order())
    client.patch(f"{PATH}/{made['id']}", headers=tenant.headers(), json={"leeway_s": 0})
    client.delete(f"{PATH}/{made['id']}", headers=tenant.headers())
    with transaction(tenant.id) as session:
        gone, changed, added = records(session, None, 9)
    assert [one.act for one in (added, changed, gone)] == [
        "provider.trust",
        "provider.change",
        "provider.distrust",
    ]
    assert {one.subject for one in (added, changed, gone)} == {f"provider {provider.iss}"}
    assert changed.before == added.after
    assert gone.before == changed.after == {**(added.after or {}), "leeway_s": 0}
