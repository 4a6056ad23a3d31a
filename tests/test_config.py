"""Settings that make no sense are told at the start, by name and with the cure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loyalty.cli import surroundings
from loyalty.config import ConfigurationError, read, secret

_URL = "postgresql://loyalty:s3cret@db/loyalty"


def test_secrets_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{_URL}\n")
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SYSTEM_URL", "REDIS_URL"):
        settings = read({f"{name}_FILE": str(file)})
        assert getattr(settings, name.lower()) == _URL
    told = read({"LOYALTY_PLATFORM_TOKEN_FILE": str(file)})
    assert told.platform_token == _URL


@pytest.mark.parametrize(
    ("content", "more", "sentence"),
    [
        (b"", {}, "is empty: put the secret into it."),
        (b"\n \n", {}, "is empty: put the secret into it."),
        (b"\xff\xfe", {}, "cannot be read: "),
        (None, {}, "cannot be read: "),
        (b"x", {"REDIS_URL": "redis://"}, "REDIS_URL and REDIS_URL_FILE are both set: keep one."),
    ],
)
def test_a_file_that_will_not_do(
    tmp_path: Path, content: bytes | None, more: dict[str, str], sentence: str
) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        secret({"REDIS_URL_FILE": str(file), **more}, "REDIS_URL")
    assert sentence in str(refused.value)


def test_commands_find_servers_that_are_named_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "url"
    file.write_text(_URL)
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SYSTEM_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    assert surroundings.use(tmp_path) is None  # no stack is there, and none is needed
    surroundings.read_secret_files()
    assert os.environ["DATABASE_URL"] == _URL
    assert "DATABASE_URL_FILE" not in os.environ


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOYALTY_PROXIES", "everybody"),
        ("LOYALTY_PROXIES", "10.0.0.1/8"),
        ("LOYALTY_CORS_ORIGINS", "*"),
        ("LOYALTY_CORS_ORIGINS", "https://app.example/"),
        ("LOYALTY_CORS_ORIGINS", "app.example"),
        ("LOYALTY_CORS_ORIGINS", "https://good.example,null"),
        ("LOYALTY_HSTS_S", "long"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read({name: value})


def test_lists_are_read() -> None:
    settings = read(
        {
            "LOYALTY_PROXIES": "10.0.0.0/8, 2001:db8::7",
            "LOYALTY_CORS_ORIGINS": "https://app.example, http://localhost:3000",
        }
    )
    assert [str(one) for one in settings.proxies] == ["10.0.0.0/8", "2001:db8::7/128"]
    assert settings.cors_origins == {"https://app.example", "http://localhost:3000"}
    assert (read({}).proxies, read({}).cors_origins) == ((), frozenset())
