"""The environment, read once. Every variable is described in docs/configuration.md."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

Network = IPv4Network | IPv6Network


class ConfigurationError(Exception):
    """A setting is missing or makes no sense; the message says how to mend it."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """The SMTP server that mail is handed to, who it is from, and where its links lead."""

    host: str
    port: int
    security: str  # starttls, tls or none
    user: str
    password: str = field(repr=False)
    ca_file: str | None
    timeout_s: float
    sender: str
    public_url: str


@dataclass(frozen=True, slots=True)
class Config:
    """What the processes of one stack share. Times are in seconds."""

    database_url: str
    database_owner_url: str
    database_system_url: str
    redis_url: str
    data_dir: Path
    log_format: str
    metrics_open: bool
    graphql_introspection: bool
    api_key_requests_per_minute: int
    pool_size: int
    pool_timeout_s: float
    intake_queue: int
    intake_timeout_s: float
    mail: MailServer | None
    log_ins_per_minute: int
    private_addresses: bool
    platform_token: str
    secrets_key: str
    proxies: tuple[Network, ...]
    cors_origins: frozenset[str]
    hsts_s: int


def _number(env: Mapping[str, str], name: str, default: str) -> float:
    text = env.get(name, default)
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{name}={text!r} is not a number.") from None


def secret(env: Mapping[str, str], name: str) -> str:
    """The secret itself, or what stands in the file that `<name>_FILE` names; empty for neither.

    Raises ConfigurationError for both, and for a file that can't be read or says nothing.
    """
    file = env.get(f"{name}_FILE")
    if not file:
        return env.get(name, "")
    if env.get(name):
        raise ConfigurationError(f"{name} and {name}_FILE are both set: keep one.")
    try:
        told = Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}_FILE={file!r} cannot be read: {error}.") from None
    if not told:
        raise ConfigurationError(f"{name}_FILE={file!r} is empty: put the secret into it.")
    return told


_SECURITIES = ("starttls", "tls", "none")
_SENDER = re.compile(r"[^@\s<>,;:]+@[^@\s<>,;:]+")


def _mail(env: Mapping[str, str]) -> MailServer | None:
    """None where no server is named: then nobody is written to."""
    host = env.get("LOYALTY_SMTP_HOST", "")
    if not host:
        return None
    security = env.get("LOYALTY_SMTP_SECURITY", "starttls")
    found = MailServer(
        host=host,
        port=int(_number(env, "LOYALTY_SMTP_PORT", "465" if security == "tls" else "587")),
        security=security,
        user=env.get("LOYALTY_SMTP_USER", ""),
        password=secret(env, "LOYALTY_SMTP_PASSWORD"),
        ca_file=env.get("LOYALTY_SMTP_CA_FILE"),
        timeout_s=_number(env, "LOYALTY_SMTP_TIMEOUT_S", "10"),
        sender=env.get("LOYALTY_MAIL_FROM", ""),
        public_url=env.get("LOYALTY_PUBLIC_URL", "").rstrip("/"),
    )
    if security not in _SECURITIES:
        raise ConfigurationError(f"LOYALTY_SMTP_SECURITY is one of {', '.join(_SECURITIES)}.")
    if found.password and security == "none":
        raise ConfigurationError("LOYALTY_SMTP_PASSWORD is sent only over starttls or tls.")
    if not _SENDER.fullmatch(found.sender):
        raise ConfigurationError("LOYALTY_MAIL_FROM is not set to an address, and there is SMTP.")
    if not found.public_url.startswith(("https://", "http://")):
        raise ConfigurationError("LOYALTY_PUBLIC_URL is not set: links to unsubscribe begin so.")
    return found


_SHORTEST_PLATFORM_TOKEN = 32


def _platform_token(env: Mapping[str, str]) -> str:
    """Empty where there is none: then nobody is the platform."""
    token = secret(env, "LOYALTY_PLATFORM_TOKEN")
    if 0 < len(token) < _SHORTEST_PLATFORM_TOKEN:
        raise ConfigurationError(
            f"LOYALTY_PLATFORM_TOKEN is shorter than {_SHORTEST_PLATFORM_TOKEN} characters: "
            "make one with `openssl rand -hex 32`."
        )
    return token


def _networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """`10.0.0.0/8, 2001:db8::7`: the networks and addresses that are named."""
    try:
        return tuple(ip_network(one) for one in _listed(env, name))
    except ValueError as error:
        raise ConfigurationError(f"{name} names no networks ({error}): 10.0.0.0/8, …") from None


_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


def _origins(env: Mapping[str, str], name: str) -> frozenset[str]:
    """`https://app.example, …`: origins as browsers name them. There is no `*`: name them."""
    origins = _listed(env, name)
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigurationError(f"{name}: {origin!r} is no origin: write https://app.example")
    return frozenset(origins)


def _listed(env: Mapping[str, str], name: str) -> list[str]:
    return [one.strip() for one in env.get(name, "").split(",") if one.strip()]


def read(env: Mapping[str, str]) -> Config:
    """The settings in `env`. Raises ConfigurationError when a value makes no sense."""
    database_url = secret(env, "DATABASE_URL")
    return Config(
        database_url=database_url,
        database_owner_url=secret(env, "DATABASE_OWNER_URL") or database_url,
        database_system_url=secret(env, "DATABASE_SYSTEM_URL") or database_url,
        redis_url=secret(env, "REDIS_URL"),
        data_dir=Path(env.get("LOYALTY_DATA", "var")),
        log_format=env.get("LOYALTY_LOG", "auto"),
        metrics_open=env.get("LOYALTY_METRICS_OPEN", "1") == "1",
        graphql_introspection=env.get("LOYALTY_GRAPHQL_INTROSPECTION", "1") == "1",
        api_key_requests_per_minute=int(_number(env, "LOYALTY_API_KEY_REQUESTS_PER_MINUTE", "0")),
        pool_size=int(_number(env, "LOYALTY_POOL_SIZE", "8")),
        pool_timeout_s=_number(env, "LOYALTY_POOL_TIMEOUT_S", "5"),
        intake_queue=int(_number(env, "LOYALTY_INTAKE_QUEUE", "5000")),
        intake_timeout_s=_number(env, "LOYALTY_INTAKE_TIMEOUT_S", "10"),
        mail=_mail(env),
        log_ins_per_minute=int(_number(env, "LOYALTY_LOG_INS_PER_MINUTE", "10")),
        private_addresses=env.get("LOYALTY_PRIVATE_ADDRESSES", "0") == "1",
        platform_token=_platform_token(env),
        secrets_key=secret(env, "LOYALTY_SECRETS_KEY"),
        proxies=_networks(env, "LOYALTY_PROXIES"),
        cors_origins=_origins(env, "LOYALTY_CORS_ORIGINS"),
        hsts_s=int(_number(env, "LOYALTY_HSTS_S", "31536000")),
    )


@cache
def config() -> Config:
    """The settings of this process. Raises ConfigurationError when no database is named."""
    settings = read(os.environ)
    if not settings.database_url:
        raise ConfigurationError(
            "DATABASE_URL is not set. Run `loyalty up` for a stack with its own database, "
            "or set DATABASE_URL and REDIS_URL to yours."
        )
    return settings
