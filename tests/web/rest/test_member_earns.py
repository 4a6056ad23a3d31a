"""Members post their own activities where the program lets them, and so often a minute."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from loyalty.clock import wall_clock
from tests.tenant import TestTenant

EARNS = "/v1/programs/wine/earns"


def _open(client: FlaskClient, tenant: TestTenant, **member_earns: Any) -> None:
    program = {"slug": "wine", "name": "Wine", "member_earns": member_earns or None}
    for path, body in (
        ("/v1/programs", program),
        ("/v1/programs/wine/members", {"member_id": "ann"}),
    ):
        made = client.post(path, headers=tenant.headers(), json=body)
        assert made.status_code == 201, made.text


def _post(client: FlaskClient, tenant: TestTenant, query: str = "", **changed: Any) -> TestResponse:
    visit = {
        "source": "member:ann",
        "transaction_id": uuid4().hex,
        "member_id": "ann",
        "kind": "visit",
        "occurred_at": wall_clock().isoformat(),
        **changed,
    }
    kept = {name: value for name, value in visit.items() if value is not None}
    return client.post(f"{EARNS}{query}", headers=tenant.headers(member="ann"), json=kept)


def _code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, (answer.get_json() or {}).get("code", "")


def test_a_program_lets_members_post_nothing_unless_it_says_so(
    client: FlaskClient, tenant: TestTenant
) -> None:
    _open(client, tenant)
    assert _code(_post(client, tenant)) == (403, "members_do_not_post")


def test_it_names_the_kinds(client: FlaskClient, tenant: TestTenant) -> None:
    _open(client, tenant, kinds=["visit"])
    assert _post(client, tenant).status_code == 202
    purchase = {"kind": "purchase", "amount": "1", "currency": "USD"}
    assert _code(_post(client, tenant, **purchase)) == (403, "members_do_not_post")


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"member_id": "bob"}, "/member_id"),
        ({"member_id": None, "identifier": {"kind": "card", "value": "1"}}, "/member_id"),
        ({"source": "till-1"}, "/source"),
        ({"source": "member:bob"}, "/source"),
    ],
)
def test_nobody_posts_for_others_nor_as_a_till(
    client: FlaskClient, tenant: TestTenant, changed: dict[str, Any], pointer: str
) -> None:
    _open(client, tenant, kinds=["visit"])
    refused = _post(client, tenant, **changed)
    assert _code(refused) == (403, "forbidden")
    assert refused.get_json()["errors"][0]["pointer"] == pointer


def test_members_post_one_by_one_and_see_nothing_that_is_to_come(
    client: FlaskClient, tenant: TestTenant
) -> None:
    _open(client, tenant, kinds=["visit"])
    batch = client.post(
        f"{EARNS}/batch", headers=tenant.headers(member="ann"), json={"earns": [{}]}
    )
    assert _code(batch) == (403, "members_do_not_post")
    assert _post(client, tenant, "?dry_run=true").status_code == 200
    assert _code(_post(client, tenant, "?dry_run=true&drafts=x")) == (403, "forbidden")
    assert _code(_post(client, tenant, "?dry_run=true&now=2030-01-01T00:00:00Z")) == (
        403,
        "forbidden",
    )


def test_so_many_tries_a_minute(client: FlaskClient, tenant: TestTenant) -> None:
    _open(client, tenant, kinds=["visit"], per_minute=3)
    answers = [_post(client, tenant) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[0].headers["RateLimit"] == '"earns";r=2;t=60'
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 60


def test_five_is_what_a_program_begins_with_and_none_is_no_limit(
    client: FlaskClient, tenant: TestTenant
) -> None:
    _open(client, tenant, kinds=["visit"])
    assert [_post(client, tenant).status_code for _ in range(6)] == [202] * 5 + [429]
    free = {"member_earns": {"per_minute": 0}}
    changed = client.patch("/v1/programs/wine", headers=tenant.headers(), json=free)
    assert changed.get_json()["member_earns"] == {"kinds": ["visit"], "per_minute": 0}


def test_two_members_of_long_names_have_two_sources(
    client: FlaskClient, tenant: TestTenant
) -> None:
    """A source has room for 100 characters, and a member's id for 128."""
    _open(client, tenant, kinds=["visit"])
    long = "a" * 127
    sources = set()
    for member_id in (f"{long}1", f"{long}2"):
        told = {
            "source": "x",
            "transaction_id": "1",
            "member_id": member_id,
            "kind": "visit",
            "occurred_at": wall_clock().isoformat(),
        }
        headers = tenant.headers(member=member_id)
        refused = client.post(EARNS, headers=headers, json=told)
        own = refused.get_json()["detail"].split("'")[-2]
        assert len(own) <= 100
        sources.add(own)
        assert client.post(EARNS, headers=headers, json={**told, "source": own}).status_code == 202
    assert len(sources) == 2
