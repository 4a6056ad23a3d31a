"""A member's own token: five burns a minute, and the sixth is told to wait."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from tests.tenant import TestTenant

_WINE = {"slug": "wine", "name": "W", "unit": "points", "earn_rate": {"points": 1, "per": "1"}}


@pytest.fixture
def ann(client: FlaskClient, tenant: TestTenant) -> str:
    """The path of a member with 100 points."""
    path, headers = "/v1/programs/wine/members", tenant.headers()
    for where, body in (
        ("/v1/programs", _WINE),
        (path, {"member_id": "ann"}),
        (f"{path}/ann/adjustments", {"points": 100, "reason": "a gift"}),
    ):
        sent = {**headers, "Idempotency-Key": uuid4().hex}
        made = client.post(where, headers=sent, json=body)
        assert made.status_code == 201, made.text
    return f"{path}/ann"


def _burn(client: FlaskClient, ann: str, headers: dict[str, str]) -> TestResponse:
    sent = {**headers, "Idempotency-Key": uuid4().hex}
    return client.post(f"{ann}/redemptions", headers=sent, json={"points": 10})


def _burns(client: FlaskClient) -> dict[Any, float]:
    return {
        sample.labels["outcome"]: sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == "loyalty_burn_seconds_count"
    }


def test_the_sixth_of_a_minute_waits(client: FlaskClient, tenant: TestTenant, ann: str) -> None:
    before = _burns(client)
    own = tenant.headers(member="ann")
    answers = [_burn(client, ann, own) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == [
        "r=4",
        "r=3",
        "r=2",
        "r=1",
        "r=0",
        "r=0",
    ]
    refused = answers[-1]
    assert refused.mimetype == "application/problem+json"
    assert refused.get_json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"burns";q=5;w=60'
    assert client.get(ann, headers=own).get_json()["points"]["available"] == 50
    after = _burns(client)
    assert after["redeemed"] - before.get("redeemed", 0) == 5
    assert after["rate_limited"] - before.get("rate_limited", 0) == 1


def test_a_server_is_not_limited(client: FlaskClient, tenant: TestTenant, ann: str) -> None:
    server = tenant.headers("server")
    assert {_burn(client, ann, server).status_code for _ in range(7)} == {201}
