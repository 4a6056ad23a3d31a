"""Are the servers that the environment names there at all?"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import psycopg2
import redis

from loyalty.embedded import CannotStart

_PATIENCE_S = 5


def reach_postgres(name: str, url: str) -> None:
    """Connects once. Raises CannotStart, naming the variable."""
    try:
        psycopg2.connect(url, connect_timeout=_PATIENCE_S).close()
    except (psycopg2.Error, ValueError) as error:
        raise CannotStart(
            f"{name} cannot be used ({_first_line(error)}): start that Postgres or mend the URL; "
            "without it an embedded one is used."
        ) from None


def reach_redis(url: str) -> None:
    """Asks once. Raises CannotStart."""
    try:
        with redis.Redis.from_url(
            url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(
            f"REDIS_URL cannot be used ({_first_line(error)}): start that server or mend the URL; "
            "without it an embedded one is used."
        ) from None


def must_be_free(host: str, port: int) -> None:
    """Raises CannotStart when somebody listens there, or the host is not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except PermissionError:
        raise CannotStart(
            f"Port {port} is for root alone: choose one above 1023 with --port."
        ) from None
    except socket.gaierror:
        raise CannotStart(f"There is no host {host!r}: choose another with --host.") from None
    except OSError as error:
        raise CannotStart(
            f"{host}:{port} cannot be used ({error.strerror}): choose another with --port."
        ) from None


def shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    return f"{parts.scheme}://{host}{parts.path}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
