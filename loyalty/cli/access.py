"""Who gets in, from a terminal: tenants, operators, API keys. Each act is written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import click
from rich.table import Column, Table
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.cli.console import err, out, say
from loyalty.cli.frame import user
from loyalty.cli.trouble import Trouble
from loyalty.clock import wall_clock
from loyalty.tenants import queries
from loyalty.tenants.add_operator import NewOperator, add_operator
from loyalty.tenants.add_tenant import open_tenant
from loyalty.tenants.change_operator import Change, change_operator
from loyalty.tenants.change_tenant import resume_tenant, suspend_tenant
from loyalty.tenants.issue_key import NewKey, issue_key
from loyalty.tenants.models import ApiKey, Operator
from loyalty.tenants.revoke_key import revoke_key
from loyalty.tenants.roles import Role
from loyalty.tenants.rotate_key import rotate_key
from loyalty.tenants.rotate_secret import rotate_secret
from loyalty.transaction import across_tenants, transaction

_MOST_SHOWN = 1000


def add_tenant(slug: str, name: str | None, *, sandbox: bool) -> None:
    """Adds a tenant. Raises TenantExists."""
    told = name or slug.replace("-", " ").title()
    with across_tenants() as session:
        open_tenant(session, slug, told, _by("platform"), sandbox=sandbox)
    kind = "Sandbox" if sandbox else "Tenant"
    say(f"{kind} {slug!r} was added. A token for it: loyalty token --role admin --tenant {slug}")


def list_tenants() -> None:
    """Shows the tenants, newest first."""
    with across_tenants() as session:
        found = queries.tenants(session, None, _MOST_SHOWN)
    _show(
        ("tenant", "name", "kind", "since", "suspended"),
        [
            (
                one.slug,
                one.name,
                "sandbox" if one.sandbox else "live",
                _day(one.created_at),
                one.suspended_reason or "",
            )
            for one in found
        ],
    )


def turn_tenant(slug: str, reason: str, *, suspend: bool) -> None:
    """Shuts a tenant's doors, or opens them again. Raises NotFound, TenantWrongState."""
    verb = suspend_tenant if suspend else resume_tenant
    with across_tenants() as session:
        verb(session, slug, reason, _by("platform"))
    say(f"Tenant {slug!r} is {'suspended' if suspend else 'open again'}.")


def new_secret(slug: str, overlap: timedelta) -> None:
    """Signs the tenant's tokens with a new secret from now on. Raises NotFound."""
    with _tenant(slug) as session:
        made = rotate_secret(session, overlap, _by())
    say(f"Tokens of {slug!r} are signed with secret {made.kid} from now on.")


def new_operator(tenant: str, name: str, role: Role, password: str) -> None:
    """Adds a person who logs in by a password. Raises Invalid, OperatorExists."""
    with _tenant(tenant) as session:
        one = add_operator(session, NewOperator(name, role, password), _by())
    say(f"{one.name} can log in to {tenant!r} as {one.role}: POST /v1/log-in.")


def list_operators(tenant: str) -> None:
    """Shows the tenant's people, newest first."""
    with _tenant(tenant) as session:
        found = queries.operators(session, None, _MOST_SHOWN)
    _show(
        ("name", "role", "since", "last log-in", "disabled"),
        [
            (
                one.name,
                one.role,
                _day(one.created_at),
                _day(one.last_log_in_at),
                _day(one.disabled_at),
            )
            for one in found
        ],
    )


def alter_operator(tenant: str, name: str, change: Change) -> None:
    """Changes a person; every token they have ends by it. Raises Trouble, Invalid, LastAdmin."""
    with _tenant(tenant) as session:
        one = change_operator(session, _operator(session, name).id, change, _by())
    state = "cannot log in any more" if one.disabled_at else f"logs in as {one.role}"
    say(f"{one.name} {state}; the tokens of before have ended.")


def new_key(tenant: str, key: NewKey) -> None:
    """Prints a new key, once. Raises Invalid."""
    with _tenant(tenant) as session:
        made, bearer = issue_key(session, key, _by())
    err.print(f"Key {made.prefix} speaks as {made.role}. It is not told again:")
    click.echo(bearer)


def list_keys(tenant: str) -> None:
    """Shows the tenant's keys, newest first."""
    with _tenant(tenant) as session:
        found = queries.keys(session, None, _MOST_SHOWN)
    _show(
        ("key", "name", "role", "may", "last used", "ends", "followed by"),
        [
            (
                one.prefix,
                one.name,
                one.role,
                _may(one),
                _minute(one.last_used_at),
                f"revoked {_minute(one.revoked_at)}" if one.revoked_at else _minute(one.expires_at),
                next((other.prefix for other in found if other.id == one.replaced_by), ""),
            )
            for one in found
        ],
    )


def _may(one: ApiKey) -> str:
    scopes = "all" if one.scopes is None else ", ".join(one.scopes)
    return scopes if one.sources is None else f"{scopes}; for {', '.join(one.sources)}"


def follow_key(tenant: str, prefix: str, overlap: timedelta) -> None:
    """Prints the key that follows another, once. Raises Trouble, KeyEnded, KeyReplaced."""
    with _tenant(tenant) as session:
        rotated = rotate_key(session, _key(session, prefix), overlap, _by())
    ends = _minute(rotated.before.expires_at)
    err.print(f"Key {rotated.after.prefix} follows {prefix}, which ends {ends}. It is told once:")
    click.echo(rotated.bearer)


def end_key(tenant: str, prefix: str) -> None:
    """Ends a key at once. Raises Trouble."""
    with _tenant(tenant) as session:
        revoke_key(session, _key(session, prefix), _by())
    say(f"Key {prefix} opens nothing any more; every process obeys within 10 seconds.")


@contextmanager
def _tenant(slug: str) -> Iterator[Session]:
    with across_tenants() as session:
        tenant_id = queries.tenant_id_of(session, slug)
    with transaction(tenant_id) as session:
        yield session


def _operator(session: Session, name: str) -> Operator:
    found = queries.find_operator(session, name)
    if found is None:
        raise Trouble(f"There is no operator {name!r}: see `loyalty operators list`.")
    return found


def _key(session: Session, prefix: str) -> UUID:
    found = queries.key_of_prefix(session, prefix.removeprefix("lk_").partition("_")[0])
    if found is None:
        raise Trouble(f"There is no key {prefix!r}: see `loyalty keys list`.")
    return found.id


def _by(who: str = "operator") -> By:
    return By(f"{who}:{user()}", None, wall_clock())


def _show(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(Column(columns[0], no_wrap=True), *columns[1:], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _day(at: datetime | None) -> str:
    return at.date().isoformat() if at else ""


def _minute(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else ""
