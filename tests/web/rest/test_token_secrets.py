"""A tenant's secret is followed by another, and what the old one signed ends when it should."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from loyalty.audit.queries import records
from loyalty.tenants.queries import signing_issuer
from loyalty.transaction import transaction
from loyalty.web import auth
from tests.tenant import TestTenant

PATH = "/v1/token-secrets"


def _status(client: FlaskClient, headers: dict[str, str]) -> int:
    auth._remembered.clear()
    return client.get("/v1/me", headers=headers).status_code


def test_what_the_old_one_signed_holds_for_the_overlap(
    client: FlaskClient, tenant: TestTenant
) -> None:
    old = tenant.headers()
    made = client.post(PATH, headers=old, json={"overlap_s": 3600})
    assert made.status_code == 201, made.text
    minted = client.post("/v1/members/ann/tokens", headers=old, json={}).get_json()["token"]
    new = {"Authorization": f"Bearer {minted}"}
    assert (_status(client, old), _status(client, new)) == (200, 200)
    listed = client.get(PATH, headers=old).get_json()["data"]
    assert [(one["kid"], one["expires_at"] is None) for one in listed] == [
        (made.get_json()["kid"], True),
        ("1", False),
    ]
    with transaction(tenant.id) as session:
        session.execute(text("UPDATE issuer SET expires_at = now() WHERE kid = '1'"))
    assert (_status(client, old), _status(client, new)) == (401, 200)


def test_without_overlap_every_token_ends(client: FlaskClient, tenant: TestTenant) -> None:
    old = tenant.headers()
    assert client.post(PATH, headers=old, json={"overlap_s": 0}).status_code == 201
    assert _status(client, old) == 401


def test_no_secret_is_told(client: FlaskClient, tenant: TestTenant) -> None:
    made = client.post(PATH, headers=tenant.headers(), json={})
    with transaction(tenant.id) as session:
        secret = signing_issuer(session, tenant.id).verification_key
        [written] = records(session, None, 9)
    assert secret not in made.text
    assert secret not in str(written.after)
    assert (written.act, written.before) == ("token_secret.rotate", {"kid": "1"})


@pytest.mark.parametrize("overlap_s", [-1, 31 * 86_400 + 1, "1", 1.5])
def test_an_overlap_has_its_bounds(
    client: FlaskClient, tenant: TestTenant, overlap_s: object
) -> None:
    refused = client.post(PATH, headers=tenant.headers(), json={"overlap_s": overlap_s})
    assert refused.status_code == 422
