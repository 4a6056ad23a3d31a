"""With one URL of a user's own database: migrated by it, walled all the same, and examined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
import redis

from tests.cli.terminal import loyalty
from tests.servers import Own


@pytest.fixture(scope="module")
def theirs(database: Own) -> Iterator[dict[str, str]]:
    """A database of a user who may add roles and is no superuser: what a host gives away."""
    postgres = database.postgres
    name = f"{database.database}_theirs"
    admin = psycopg2.connect(postgres.superuser_url())
    admin.autocommit = True
    with closing(admin), admin.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
        cursor.execute(f"GRANT loyalty_app, loyalty_system TO {name} WITH ADMIN TRUE, SET FALSE")
        cursor.execute(f"CREATE DATABASE {name} OWNER {name}")
        yield {
            "DATABASE_URL": postgres.url(name, name),
            "REDIS_URL": database.valkey.url(number=7),
            "LOYALTY_DATA": str(database.folder / "theirs"),
        }
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        cursor.execute(f"DROP ROLE {name}")


def test_doctor_names_the_variable_and_the_setting_to_mend(
    theirs: dict[str, str],
) -> None:
    nobody = {"DATABASE_SYSTEM_URL": "postgresql://loyalty@127.0.0.1:1/loyalty"}
    with redis.Redis.from_url(theirs["REDIS_URL"]) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            said = loyalty("doctor", **theirs, **nobody).stdout
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert "\n  Start it, or mend DATABASE_SYSTEM_URL.\n" in said
    assert (
        "✗ maxmemory-policy is allkeys-lru\n  CONFIG SET maxmemory-policy noeviction,"
        " and the same in its configuration: so messages are not thrown away for memory.\n"
    ) in said


def test_one_url_is_enough(theirs: dict[str, str]) -> None:
    before = loyalty("doctor", **theirs)
    assert "The database has no tables yet\n  Run `loyalty migrate`." in before.stdout

    migrated = loyalty("migrate", **theirs)
    assert migrated.stdout.splitlines() == [
        "Tenant 'default' was added.",
        "The tables are those of this code.",
    ]
    assert loyalty("migrate", **theirs).stdout == "The tables are those of this code.\n"

    assert loyalty("token", "--role", "admin", **theirs).stdout.startswith("ey")
    after = loyalty("doctor", **theirs)
    ill = [line for line in after.stdout.splitlines() if line.startswith("✗")]
    assert ill == [
        "✗ fsync is off",  # the tests' server only
        "✗ An award worker has not been heard of lately",
        "✗ A sweeper with its beat has not been heard of lately",
    ]
    assert after.returncode == 1
