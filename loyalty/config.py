"""The environment, read once. Every variable is described in docs/configuration.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


class ConfigurationError(Exception):
    """A setting is missing or makes no sense; the message says how to mend it."""


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
    api_key_requests_per_minute: int
    pool_size: int
    pool_timeout_s: float
    intake_queue: int
    intake_timeout_s: float


def _number(env: Mapping[str, str], name: str, default: str) -> float:
    text = env.get(name, default)
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{name}={text!r} is not a number.") from None


def read(env: Mapping[str, str]) -> Config:
    """The settings in `env`. Raises ConfigurationError when a value makes no sense."""
    database_url = env.get("DATABASE_URL", "")
    return Config(
        database_url=database_url,
        database_owner_url=env.get("DATABASE_OWNER_URL") or database_url,
        database_system_url=env.get("DATABASE_SYSTEM_URL") or database_url,
        redis_url=env.get("REDIS_URL", ""),
        data_dir=Path(env.get("LOYALTY_DATA", "var")),
        log_format=env.get("LOYALTY_LOG", "auto"),
        metrics_open=env.get("LOYALTY_METRICS_OPEN", "1") == "1",
        api_key_requests_per_minute=int(_number(env, "LOYALTY_API_KEY_REQUESTS_PER_MINUTE", "0")),
        pool_size=int(_number(env, "LOYALTY_POOL_SIZE", "8")),
        pool_timeout_s=_number(env, "LOYALTY_POOL_TIMEOUT_S", "5"),
        intake_queue=int(_number(env, "LOYALTY_INTAKE_QUEUE", "5000")),
        intake_timeout_s=_number(env, "LOYALTY_INTAKE_TIMEOUT_S", "10"),
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
