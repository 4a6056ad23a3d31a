"""`loyalty doctor`: what is wrong with the servers, in plain words, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg2
import redis
from alembic.config import Config as Alembic
from alembic.script import ScriptDirectory

from loyalty.cli.parts import ROOT
from loyalty.cli.reach import shown
from loyalty.clock import wall_clock
from loyalty.config import MailServer, config
from loyalty.db import Role
from loyalty.notifications.post_office import Unreachable, post_office

_LEAST_POSTGRES = 14
_LEAST_REDIS = (6, 2)
_SET_IS_ASKED_SINCE = 160_000  # before Postgres 16 every member of a role could take its part
_MOST_SKEW = timedelta(seconds=2)
_PATIENCE_S = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `cure` is empty when it is well."""

    what: str
    cure: str = ""

    @property
    def well(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.cure


def examine() -> Iterator[Finding]:
    """Postgres first, then Redis, then the workers, and the SMTP server where one is named."""
    yield from _postgres()
    yield from _redis()
    if (server := config().mail) is not None:
        yield look_at_mail(server)


def _postgres() -> Iterator[Finding]:
    settings = config()
    for role, name, url in (
        (Role.APP, "DATABASE_URL", settings.database_url),
        (Role.SYSTEM, "DATABASE_SYSTEM_URL", settings.database_system_url),
    ):
        try:
            with closing(psycopg2.connect(url, connect_timeout=_PATIENCE_S)) as connection:
                if role is Role.APP:
                    yield from _server(connection)
                yield from _role(connection, role)
        except (psycopg2.Error, ValueError) as error:
            yield Finding(
                f"Postgres at {shown(url)} does not answer: {_first_line(error)}",
                f"Start it, or mend {name}.",
            )
            return


def _server(connection: psycopg2.extensions.connection) -> Iterator[Finding]:
    version = connection.server_version // 10_000
    yield Finding(
        f"Postgres {version}",
        "" if version >= _LEAST_POSTGRES else f"Use Postgres {_LEAST_POSTGRES} or newer.",
    )
    yield _skew(_one(connection, "SELECT clock_timestamp()") - wall_clock(), "Postgres")
    fsync = _one(connection, "SHOW fsync")
    yield Finding(
        f"fsync is {fsync}",
        "" if fsync == "on" else "Set fsync = on: a power cut would lose purchases.",
    )
    yield _migrations(connection)


def _migrations(connection: psycopg2.extensions.connection) -> Finding:
    head = ScriptDirectory.from_config(Alembic(ROOT / "alembic.ini")).get_current_head()
    if _one(connection, "SELECT to_regclass('alembic_version') IS NULL"):
        return Finding("The database has no tables yet", "Run `loyalty migrate`.")
    try:
        there = _one(connection, "SELECT version_num FROM alembic_version")
    except psycopg2.errors.InsufficientPrivilege:
        connection.rollback()
        return Finding(
            "The application may not read which migration the tables are at",
            "Run `loyalty migrate` as the owner of the tables.",
        )
    return Finding(
        f"The tables are at migration {there}",
        "" if there == head else f"The code is at {head}: run `loyalty migrate`.",
    )


_ROLE = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s"
_OWNS = (
    "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
    " WHERE c.relkind = 'r' AND r.rolname = %s AND c.relnamespace = 'public'::regnamespace"
)


def _role(connection: psycopg2.extensions.connection, role: Role) -> Iterator[Finding]:
    """A role that passes the walls between tenants is the one thing no code can make good."""
    passes = _one(connection, _ROLE, role.value)
    if passes is None:
        yield Finding(f"There is no role {role}", "Run `loyalty migrate` as a user who may add it.")
        return
    yield Finding(
        f"{role} {'may' if passes else 'may not'} pass row-level security",
        f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS;" if passes else "",
    )
    owned = _one(connection, _OWNS, role.value)
    yield Finding(
        f"{role} owns {owned} tables",
        f"Migrate as another user: REASSIGN OWNED BY {role} TO …;" if owned else "",
    )
    user = _one(connection, "SELECT session_user")
    taking = "SET" if connection.server_version >= _SET_IS_ASKED_SINCE else "MEMBER"
    member = _one(connection, "SELECT pg_has_role(session_user, %s, %s)", role.value, taking)
    yield Finding(
        f"{user} {'may' if member else 'may not'} act as {role}",
        "" if member else f"GRANT {role} TO {user};",
    )


def _redis() -> Iterator[Finding]:
    url = config().redis_url
    if not url:
        yield Finding("REDIS_URL is not set", "Set it to a Redis 6.2 or newer, or a Valkey.")
        return
    try:
        with redis.Redis.from_url(
            url,
            socket_timeout=_PATIENCE_S,
            socket_connect_timeout=_PATIENCE_S,
            decode_responses=True,
        ) as client:
            yield from _broker(client)
            yield from _workers(client)
    except (redis.RedisError, ValueError) as error:
        yield Finding(
            f"Redis at {shown(url)} does not answer: {_first_line(error)}",
            "Start it, or mend REDIS_URL. Purchases are accepted meanwhile and awarded later.",
        )


def _broker(client: redis.Redis) -> Iterator[Finding]:
    told: dict[str, Any] = client.info("server")
    version = str(told.get("valkey_version") or told["redis_version"])
    old = tuple(int(part) for part in version.split(".")[:2]) < _LEAST_REDIS
    name = "Valkey" if "valkey_version" in told else "Redis"
    yield Finding(f"{name} {version}", "Use Redis 6.2 or newer, or Valkey." if old else "")
    seconds, microseconds = client.time()
    yield _skew(
        timedelta(seconds=seconds, microseconds=microseconds)
        - timedelta(seconds=wall_clock().timestamp()),
        name,
    )
    for setting, wanted, why in (
        ("appendonly", "yes", "messages survive its restart"),
        ("maxmemory-policy", "noeviction", "messages are not thrown away for memory"),
    ):
        try:
            there = client.config_get(setting).get(setting)
        except redis.ResponseError:
            yield Finding(f"{name} does not tell its {setting} (a hosted one does not)")
            continue
        cure = f"CONFIG SET {setting} {wanted}, and the same in its configuration: so {why}."
        yield Finding(f"{setting} is {there}", "" if there == wanted else cure)


def _workers(client: redis.Redis) -> Iterator[Finding]:
    for key, what, cure in (
        ("loyalty:worker", "An award worker", "Start `worker` of the Procfile."),
        ("loyalty:heartbeat", "A sweeper with its beat", "Start `sweeper` and `beat`."),
    ):
        there = client.exists(key)
        heard = "has" if there else "has not"
        yield Finding(f"{what} {heard} been heard of lately", "" if there else cure)


def look_at_mail(server: MailServer) -> Finding:
    """Whether the SMTP server lets us in; it is sent nothing."""
    named = f"The SMTP server {server.host}:{server.port}"
    try:
        with post_office(server):
            return Finding(f"{named} lets us in")
    except Unreachable as error:
        cure = "Start it, or mend LOYALTY_SMTP_…. Mail waits meanwhile."
        return Finding(f"{named} cannot be used: {error}", cure)


def _skew(skew: timedelta, of: str) -> Finding:
    off = abs(skew) > _MOST_SKEW
    return Finding(
        f"The clocks of {of} and this machine differ by {abs(skew.total_seconds()):.1f} s",
        "Let both follow NTP." if off else "",
    )


def _one(connection: psycopg2.extensions.connection, query: str, *values: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, values or None)
        row = cursor.fetchone()
    return row[0] if row else None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
