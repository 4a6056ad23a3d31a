"""`loyalty tenants …`, `operators …`, `keys …`: what can be typed; see loyalty/cli/access.py."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from loyalty.cli import surroundings
from loyalty.cli.frame import data as _data
from loyalty.cli.frame import in_one_sentence as _in_one_sentence
from loyalty.cli.frame import tenant as _tenant
from loyalty.cli.trouble import Trouble

_PEOPLE = ("admin", "marketing", "support", "finance", "operator")
_KEYS = (*_PEOPLE, "server")
_reason = click.option("--reason", required=True, help="Why; it is kept.")
_overlap = click.option(
    "--overlap", default="1d", show_default=True, help="How long both hold: 0s, 15m, 1h, 7d."
)


def _span(text: str) -> timedelta:
    from loyalty.cli.tokens import life_of

    try:
        return life_of(text)
    except ValueError as error:
        raise Trouble(str(error)) from None


def _password() -> str:
    """Typed twice and not shown; from a pipe one line. It never stands in a command's words."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


@click.group()
def tenants() -> None:
    """The companies that use this service."""


@tenants.command("add")
@click.argument("slug")
@click.option("--name", help="As people read it. [default: made from the slug]")
@click.option("--sandbox", is_flag=True, help="With a clock of its own, to try what time does.")
@_data
@_in_one_sentence
def tenants_add(slug: str, name: str | None, sandbox: bool, data: Path) -> None:
    """Add a tenant, with a secret of its own for tokens."""
    surroundings.use(data)
    from loyalty.cli import access

    access.add_tenant(slug, name, sandbox=sandbox)


@tenants.command("list")
@_data
@_in_one_sentence
def tenants_list(data: Path) -> None:
    """Show the tenants, newest first."""
    surroundings.use(data)
    from loyalty.cli import access

    access.list_tenants()


@tenants.command("suspend")
@click.argument("slug")
@_reason
@_data
@_in_one_sentence
def tenants_suspend(slug: str, reason: str, data: Path) -> None:
    """Let nobody of a tenant in; its book goes on."""
    surroundings.use(data)
    from loyalty.cli import access

    access.turn_tenant(slug, reason, suspend=True)


@tenants.command("resume")
@click.argument("slug")
@_reason
@_data
@_in_one_sentence
def tenants_resume(slug: str, reason: str, data: Path) -> None:
    """Let a tenant's people in again."""
    surroundings.use(data)
    from loyalty.cli import access

    access.turn_tenant(slug, reason, suspend=False)


@tenants.command("rotate-secret")
@click.argument("slug")
@_overlap
@_data
@_in_one_sentence
def tenants_rotate_secret(slug: str, overlap: str, data: Path) -> None:
    """Sign a tenant's tokens with a new secret; those of the present one hold for the overlap."""
    surroundings.use(data)
    from loyalty.cli import access

    access.new_secret(slug, _span(overlap))


@click.group()
def operators() -> None:
    """The people of a tenant, who log in by a password."""


@operators.command("add")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(_PEOPLE))
@_tenant
@_data
@_in_one_sentence
def operators_add(name: str, role: str, tenant: str, data: Path) -> None:
    """Add a person. The password is asked for, or read from a pipe."""
    surroundings.use(data)
    from loyalty.cli import access
    from loyalty.tenants.roles import Role

    access.new_operator(tenant, name, Role(role), _password())


@operators.command("list")
@_tenant
@_data
@_in_one_sentence
def operators_list(tenant: str, data: Path) -> None:
    """Show the people, newest first."""
    surroundings.use(data)
    from loyalty.cli import access

    access.list_operators(tenant)


@operators.command("passwd")
@click.argument("name")
@_tenant
@_data
@_in_one_sentence
def operators_passwd(name: str, tenant: str, data: Path) -> None:
    """Give a person another password; every token they have ends."""
    surroundings.use(data)
    from loyalty.cli import access
    from loyalty.tenants.change_operator import Change

    access.alter_operator(tenant, name, Change(password=_password()))


@operators.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(_PEOPLE))
@_tenant
@_data
@_in_one_sentence
def operators_role(name: str, role: str, tenant: str, data: Path) -> None:
    """Give a person another role; every token they have ends."""
    surroundings.use(data)
    from loyalty.cli import access
    from loyalty.tenants.change_operator import Change
    from loyalty.tenants.roles import Role

    access.alter_operator(tenant, name, Change(role=Role(role)))


@operators.command("disable")
@click.argument("name")
@_tenant
@_data
@_in_one_sentence
def operators_disable(name: str, tenant: str, data: Path) -> None:
    """Let a person in no more; every token they have ends."""
    surroundings.use(data)
    from loyalty.cli import access
    from loyalty.tenants.change_operator import Change

    access.alter_operator(tenant, name, Change(disabled=True))


@operators.command("enable")
@click.argument("name")
@_tenant
@_data
@_in_one_sentence
def operators_enable(name: str, tenant: str, data: Path) -> None:
    """Let a person in again."""
    surroundings.use(data)
    from loyalty.cli import access
    from loyalty.tenants.change_operator import Change

    access.alter_operator(tenant, name, Change(disabled=False))


@click.group()
def keys() -> None:
    """API keys: for servers, told once, hashed at rest."""


@keys.command("add")
@click.argument("name")
@click.option("--role", default="server", show_default=True, type=click.Choice(_KEYS))
@click.option("--scope", multiple=True, help="What it may do; again for more. [default: all]")
@click.option("--source", multiple=True, help="For whom it speaks; again for more. [default: any]")
@click.option("--ttl", help="How long it lives: 90d. [default: for ever]")
@_tenant
@_data
@_in_one_sentence
def keys_add(
    name: str,
    role: str,
    scope: tuple[str, ...],
    source: tuple[str, ...],
    ttl: str | None,
    tenant: str,
    data: Path,
) -> None:
    """Print a new key, once."""
    surroundings.use(data)
    from loyalty.cli import access
    from loyalty.clock import wall_clock
    from loyalty.tenants.issue_key import NewKey
    from loyalty.tenants.roles import Role

    ends = wall_clock() + _span(ttl) if ttl else None
    access.new_key(tenant, NewKey(name, Role(role), scope or None, source or None, ends))


@keys.command("list")
@_tenant
@_data
@_in_one_sentence
def keys_list(tenant: str, data: Path) -> None:
    """Show the keys, newest first, and when each was last used."""
    surroundings.use(data)
    from loyalty.cli import access

    access.list_keys(tenant)


@keys.command("rotate")
@click.argument("key")
@_overlap
@_tenant
@_data
@_in_one_sentence
def keys_rotate(key: str, overlap: str, tenant: str, data: Path) -> None:
    """Print the key that follows KEY (as the list names it); both hold for the overlap."""
    surroundings.use(data)
    from loyalty.cli import access

    access.follow_key(tenant, key, _span(overlap))


@keys.command("revoke")
@click.argument("key")
@_tenant
@_data
@_in_one_sentence
def keys_revoke(key: str, tenant: str, data: Path) -> None:
    """End KEY (as the list names it) at once."""
    surroundings.use(data)
    from loyalty.cli import access

    access.end_key(tenant, key)
