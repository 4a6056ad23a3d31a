"""The commands. Each points the environment at a stack first, then loads what it needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from loyalty.cli import surroundings
from loyalty.cli.console import say, trouble
from loyalty.config import ConfigurationError
from loyalty.embedded import CannotStart
from loyalty.errors import Problem

Command = TypeVar("Command", bound=Callable[..., Any])

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=surroundings.DEFAULT_DATA,
    envvar="LOYALTY_DATA",
    show_default=True,
    help="The stack's folder.",
)


def _in_one_sentence(command: Command) -> Command:
    """What can go wrong is told in a sentence, and the exit code is 1."""

    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (CannotStart, ConfigurationError) as error:
            trouble(str(error))
        except Problem as problem:
            trouble(f"{problem.detail} {problem.cure}")
        except _drivers_errors() as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            trouble(f"The servers do not answer ({first}): ask `loyalty doctor`.")
        sys.exit(1)

    return told  # type: ignore[return-value]


def _drivers_errors() -> tuple[type[Exception], ...]:
    """Loaded only when something went wrong."""
    import psycopg2
    import redis
    from sqlalchemy.exc import OperationalError

    return (psycopg2.OperationalError, OperationalError, redis.RedisError)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A points bank: purchases become points, points become rewards."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the API listens.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@_data
@click.option(
    "--demo/--no-demo",
    default=None,
    help="Fill tenant `demo` and show a purchase. [default: in the embedded database only]",
)
@click.option("--flower-write", is_flag=True, help="Let Flower change things, not only look.")
@_in_one_sentence
def up(host: str, port: int, data: Path, demo: bool | None, flower_write: bool) -> None:
    """Run everything on this machine until Ctrl-C.

    Without DATABASE_URL and REDIS_URL it brings its own Postgres and Valkey.
    """
    from loyalty.cli.up import Wish, up

    up(Wish(host, port, data, demo, flower_write))


@main.command()
@_data
@_in_one_sentence
def migrate(data: Path) -> None:
    """Bring the database's tables to what this code expects."""
    surroundings.use(data)
    from loyalty.cli.migrate import DEFAULT_TENANT, see_to_tenant, upgrade
    from loyalty.config import config

    upgrade(config().database_owner_url)
    if see_to_tenant(DEFAULT_TENANT):
        say(f"Tenant {DEFAULT_TENANT!r} was added.")
    say("The tables are those of this code.")


@main.group()
def tenants() -> None:
    """The companies that use this service."""


@tenants.command("add")
@click.argument("slug")
@_data
@_in_one_sentence
def tenants_add(slug: str, data: Path) -> None:
    """Add a tenant, with a secret of its own for tokens."""
    surroundings.use(data)
    from loyalty.cli.migrate import see_to_tenant

    if not see_to_tenant(slug):
        raise CannotStart(f"There is a tenant {slug!r} already: choose another slug.")
    say(f"Tenant {slug!r} was added. A token for it: loyalty token --role admin --tenant {slug}")


@main.command()
@click.option(
    "--role", required=True, help="admin, marketing, support, finance, operator, server, member."
)
@click.option("--tenant", default="default", show_default=True)
@click.option("--member", help="The member whose token it is (role `member`).")
@click.option(
    "--ttl", default="1h", show_default=True, help="How long it lives: 90s, 15m, 1h, 30d."
)
@_data
@_in_one_sentence
def token(role: str, tenant: str, member: str | None, ttl: str, data: Path) -> None:
    """Print a bearer token."""
    surroundings.use(data)
    from loyalty.cli.tokens import life_of, token
    from loyalty.tenants.roles import Role

    try:
        wanted, life = Role(role), life_of(ttl)
    except ValueError as error:
        raise CannotStart(f"{error} See `loyalty token --help`.") from None
    if (wanted is Role.MEMBER) != (member is not None):
        raise CannotStart("--role member and --member belong together: give both or neither.")
    user = os.environ.get("USER", "cli")
    click.echo(token(tenant, wanted, member or user, life))
