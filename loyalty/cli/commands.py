"""The commands. Each points the environment at a stack first, then loads what it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from loyalty.cli import surroundings
from loyalty.cli.access_commands import keys, operators, tenants
from loyalty.cli.carry_commands import erase, export, import_
from loyalty.cli.console import say
from loyalty.cli.desk.commands import COMMANDS as _DESK
from loyalty.cli.frame import data as _data
from loyalty.cli.frame import in_one_sentence as _in_one_sentence
from loyalty.cli.frame import json_ as _json
from loyalty.cli.frame import user as _user
from loyalty.cli.ingest_command import ingest
from loyalty.cli.promotions_commands import promotions
from loyalty.cli.trouble import Trouble


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


@main.command()
@click.option(
    "--role", required=True, help="admin, marketing, support, finance, operator, server or member."
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
        raise Trouble(f"{error} See `loyalty token --help`.") from None
    if (wanted is Role.MEMBER) != (member is not None):
        raise Trouble("--role member and --member belong together: give both or neither.")
    click.echo(token(tenant, wanted, member or _user(), life))


@main.command()
@_data
@_in_one_sentence
def doctor(data: Path) -> None:
    """Say what is wrong with Postgres, Redis and the workers, and how to mend it."""
    surroundings.use(data)
    from loyalty.cli.doctor import examine

    ill = 0
    for finding in examine():
        ill += not finding.well
        say(
            f"[green]✓[/] {escape(finding.what)}"
            if finding.well
            else f"[red]✗[/] {escape(finding.what)}"
        )
        if not finding.well:
            say(f"  {escape(finding.cure)}")
    if ill:
        raise Trouble(f"{ill} of these to mend.")


@main.command()
@click.option("--tenant", help="Only this tenant's programs.")
@click.option("--program", help="Only programs of this slug.")
@_json
@_data
@_in_one_sentence
def audit(tenant: str | None, program: str | None, as_json: bool, data: Path) -> None:
    """Check every invariant of the book; end with 1 at the first that is broken."""
    surroundings.use(data)
    from loyalty.cli.audit import tell_verdict

    tell_verdict(tenant, program, as_json=as_json)


@main.command()
@click.option("--tenant", help="Only this tenant's programs.")
@click.option("--program", help="Only programs of this slug.")
@_data
@_in_one_sentence
def replay(tenant: str | None, program: str | None, data: Path) -> None:
    """Evaluate every award again; end with 1 if one comes out otherwise."""
    surroundings.use(data)
    from loyalty.cli.replay import tell_replay

    tell_replay(tenant, program)


_url = click.option("--url", help="Where the API is. [default: that of the stack in --data]")


@main.command()
@click.option(
    "--kill", is_flag=True, help="Kill a worker under load; compare accepted and credited."
)
@_url
@_data
@_in_one_sentence
def demo(kill: bool, url: str | None, data: Path) -> None:
    """Show every feature on a brewery, a restaurant and an airline, in a sandbox of its own."""
    stack = _stack_at(url, surroundings.use(data))
    from loyalty.cli import demo, tour
    from loyalty.cli.kill import kill_under_load

    if kill:
        kill_under_load(stack, demo.TENANT)
    else:
        tour.show(stack.url)


@main.command()
@click.option("--members", default=124, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--times", default=5, show_default=True, type=click.IntRange(0, 10_000))
@click.option("--points", default=100, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--burn", default=500, show_default=True, type=click.IntRange(0))
@click.option("--tenant", default="demo", show_default=True)
@_url
@_data
@_in_one_sentence
def load(
    members: int, times: int, points: int, burn: int, tenant: str, url: str | None, data: Path
) -> None:
    """Let members buy and burn over HTTP, and check every balance to the point."""
    if burn > times * points:
        raise Trouble(f"--burn {burn} is more than {times} × {points}: burn less or buy more.")
    stack = _stack_at(url, surroundings.use(data))
    from loyalty.cli.load import load

    load(stack.url, tenant, members=members, times=times, points=points, burn=burn)


def _stack_at(url: str | None, stack: surroundings.Stack | None) -> surroundings.Stack:
    if url:
        return surroundings.Stack(url.rstrip("/"), "", {})
    if stack is None:
        raise Trouble("Where is the API? Say --url http://…, or --data of a running stack.")
    return stack


@main.command()
@click.argument("program")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--tenant", default="default", show_default=True)
@_data
@_in_one_sentence
def pause(program: str, reason: str, tenant: str, data: Path) -> None:
    """Let a program's awards wait; purchases are accepted meanwhile."""
    surroundings.use(data)
    from loyalty.programs.pause import pause_program

    _turn(pause_program, program, reason, tenant)


@main.command()
@click.argument("program")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--tenant", default="default", show_default=True)
@_data
@_in_one_sentence
def resume(program: str, reason: str, tenant: str, data: Path) -> None:
    """Let a program's awards go on."""
    surroundings.use(data)
    from loyalty.programs.pause import resume_program

    _turn(resume_program, program, reason, tenant)


def _turn(verb: Callable[..., Any], program: str, reason: str, tenant: str) -> None:
    from loyalty.audit.by import By
    from loyalty.clock import now
    from loyalty.tenants.queries import tenant_id_of
    from loyalty.transaction import across_tenants, transaction

    with across_tenants() as session:
        tenant_id = tenant_id_of(session, tenant)
    with transaction(tenant_id) as session:
        by = By(f"operator:{_user()}", None, now(session))
        turned = verb(session, program, reason=reason, by=by)
    say(f"Program {program!r} is {turned.status}.")


for _command in _DESK:
    main.add_command(_command)
main.add_command(erase)
main.add_command(export)
main.add_command(import_)
main.add_command(ingest)
main.add_command(keys)
main.add_command(operators)
main.add_command(promotions)
main.add_command(tenants)
