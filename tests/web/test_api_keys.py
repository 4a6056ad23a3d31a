"""The resource to copy, told as a story: a key is made, listed, used and ended."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from loyalty.audit.queries import records
from loyalty.transaction import transaction
from tests.tenant import TestTenant


def test_a_key_is_told_once(client: FlaskClient, tenant: TestTenant) -> None:
    made = client.post(
        "/v1/api-keys",
        headers=tenant.headers(),
        json={"name": "till", "sources": ["pos"], "expires_at": "2100-01-01T02:00:00+02:00"},
    )
    assert made.status_code == 201
    told = made.get_json()
    bearer = told.pop("key")
    assert bearer.startswith(f"lk_{told['prefix']}_")
    assert (told["name"], told["role"], told["sources"], told["scopes"]) == (
        "till",
        "server",
        ["pos"],
        None,
    )
    assert told["expires_at"] == "2100-01-01T00:00:00Z"
    listed = client.get("/v1/api-keys", headers=tenant.headers()).get_json()
    assert listed == {"data": [told], "next": None}
    as_server = {"Authorization": f"Bearer {bearer}"}
    assert client.post("/v1/members/m/tokens", headers=as_server, json={}).status_code == 201


def test_a_key_ends(client: FlaskClient, tenant: TestTenant) -> None:
    headers = tenant.headers()
    made = client.post("/v1/api-keys", headers=headers, json={"name": "till"}).get_json()
    ended = client.delete(f"/v1/api-keys/{made['id']}", headers=headers)
    assert ended.status_code == 200
    assert ended.get_json()["revoked_at"] is not None
    used = client.get("/v1/programs", headers={"Authorization": f"Bearer {made['key']}"})
    assert used.status_code == 401


def test_who_did_it_is_written_down(client: FlaskClient, tenant: TestTenant) -> None:
    headers = {**tenant.headers(), "X-Request-Id": "r-5"}
    made = client.post("/v1/api-keys", headers=headers, json={"name": "till"}).get_json()
    client.delete(f"/v1/api-keys/{made['id']}", headers=headers)
    with transaction(tenant.id) as session:
        written = [(r.act, r.subject, r.actor, r.request_id) for r in records(session, None, 9)]
    subject = f"api_key {made['id']}"
    assert written == [
        ("api_key.revoke", subject, "admin:admin", "r-5"),
        ("api_key.add", subject, "admin:admin", "r-5"),
    ]


def test_a_list_is_walked_page_by_page(client: FlaskClient, tenant: TestTenant) -> None:
    headers = tenant.headers()
    for number in range(5):
        client.post("/v1/api-keys", headers=headers, json={"name": str(number)})
    names: list[str] = []
    path = "/v1/api-keys?limit=2"
    for _ in range(3):
        response = client.get(path, headers=headers)
        page = response.get_json()
        names += [key["name"] for key in page["data"]]
        link = response.headers.get("Link")
        assert (link is None) == (page["next"] is None)
        if link is not None:
            assert link == f'</v1/api-keys?limit=2&after={page["next"]}>; rel="next"'
            path = link[1:].partition(">")[0]
    assert names == ["4", "3", "2", "1", "0"]
    assert page["next"] is None


@pytest.mark.parametrize(
    ("scopes", "sources", "code"),
    [
        (None, ["pos"], "scope_missing"),
        (["api_keys", "earns"], ["pos"], "scope_missing"),
        (["api_keys.create", "earns.create"], None, "source_not_allowed"),
        (["earns.create"], ["pos", "other"], "source_not_allowed"),
    ],
)
def test_a_restricted_key_makes_none_that_may_do_more(
    client: FlaskClient,
    tenant: TestTenant,
    scopes: list[str] | None,
    sources: list[str] | None,
    code: str,
) -> None:
    own = {"scopes": ["api_keys.create", "earns.create"], "sources": ["pos"]}
    made = client.post(
        "/v1/api-keys", headers=tenant.headers(), json={"name": "k", "role": "admin", **own}
    ).get_json()
    as_key = {"Authorization": f"Bearer {made['key']}"}
    wanted = {"name": "more", "role": "admin", "scopes": scopes, "sources": sources}
    refused = client.post("/v1/api-keys", headers=as_key, json=wanted)
    assert (refused.status_code, refused.get_json()["code"]) == (403, code)
    listed = client.get("/v1/api-keys", headers=tenant.headers()).get_json()["data"]
    assert [key["name"] for key in listed] == ["k"]
    assert client.post("/v1/api-keys", headers=as_key, json=wanted | own).status_code == 201


@pytest.mark.parametrize(
    ("expires_at", "status"),
    [
        (None, 403),
        ("2100-01-01T00:00:01Z", 403),
        ("2100-01-01T00:00:00Z", 201),
        ("2099-01-01T00:00:00Z", 201),
    ],
)
def test_a_key_that_ends_makes_none_that_outlives_it(
    client: FlaskClient, tenant: TestTenant, expires_at: str | None, status: int
) -> None:
    own = {"name": "k", "role": "admin", "expires_at": "2100-01-01T00:00:00Z"}
    made = client.post("/v1/api-keys", headers=tenant.headers(), json=own).get_json()
    as_key = {"Authorization": f"Bearer {made['key']}"}
    wanted = {"name": "more", "role": "server", "expires_at": expires_at}
    wanted = {name: value for name, value in wanted.items() if value}
    answer = client.post("/v1/api-keys", headers=as_key, json=wanted)
    assert answer.status_code == status
    if status == 403:
        assert answer.get_json()["code"] == "key_outlived"
