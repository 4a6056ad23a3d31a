"""What every answer says to browsers and caches, refusals and pages too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from loyalty.config import config
from loyalty.web import app as making
from tests.servers import Own
from tests.tenant import TestTenant

_ORIGIN = "https://app.example"


@pytest.fixture
def made(database: Own, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Flask]:
    """An app of other settings."""

    def make(**settings: Any) -> Flask:
        told = replace(config(), **settings)
        monkeypatch.setattr(making, "config", lambda: told)
        return making.create_app()

    return make


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/swagger-ui.css", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/v1/programs", 200),
        ("GET", "/v1/programs/none", 404),
        ("GET", "/nowhere", 404),
        ("PUT", "/v1/programs", 405),
        ("OPTIONS", "/v1/programs", 200),
        ("POST", "/v1/programs", 415),
    ],
)
def test_every_answer_is_hardened(
    client: FlaskClient, tenant: TestTenant, method: str, path: str, status: int
) -> None:
    with client.open(path, method=method, headers=tenant.headers()) as answer:
        assert answer.status_code == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert len(answer.headers.get_all("Content-Security-Policy")) == 1
        assert len(answer.headers.get_all("Cache-Control")) == 1
        if path.startswith("/v1"):
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_over_https_a_browser_is_told_to_stay_there(client: FlaskClient) -> None:
    answer = client.get("/healthz", base_url="https://bank.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_a_setting_leaves_it_out(made: Callable[..., Flask]) -> None:
    client = made(hsts_s=0).test_client()
    answer = client.get("/healthz", base_url="https://bank.example")
    assert "Strict-Transport-Security" not in answer.headers


def test_pages_of_a_named_origin_may_read(made: Callable[..., Flask]) -> None:
    client = made(cors_origins=frozenset({_ORIGIN})).test_client()
    for path, status in (("/v1/programs", 401), ("/healthz", 200)):
        answer = client.get(path, headers={"Origin": _ORIGIN})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == _ORIGIN
        assert "Idempotency-Replayed" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.vary


def test_before_it_sends_a_browser_asks(made: Callable[..., Flask]) -> None:
    client = made(cors_origins=frozenset({_ORIGIN})).test_client()
    asks = {"Origin": _ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/programs/wine/members/ann/redemptions", headers=asks)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == _ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    for name in ("Authorization", "Content-Type", "Idempotency-Key"):
        assert name in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null", ""],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_pages_of_others_may_not(made: Callable[..., Flask], origin: str, method: str) -> None:
    client = made(cors_origins=frozenset({_ORIGIN})).test_client()
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = client.open("/v1/programs", method=method, headers=asks)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.vary
