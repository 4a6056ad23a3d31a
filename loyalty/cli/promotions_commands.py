"""`loyalty promotions …`: what can be typed; what it does is in loyalty/cli/promotions.py."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from loyalty.cli import surroundings
from loyalty.cli.frame import data as _data
from loyalty.cli.frame import in_one_sentence as _in_one_sentence
from loyalty.cli.frame import json_ as _json
from loyalty.cli.frame import tenant as _tenant


@click.group()
def promotions() -> None:
    """A program's rules as one file: out, in, compared, put in force."""


_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@promotions.command("export")
@click.argument("program")
@click.option("--drafts", is_flag=True, help="A promotion's draft, where it has one.")
@_tenant
@_data
@_in_one_sentence
def promotions_export(program: str, drafts: bool, tenant: str, data: Path) -> None:
    """Print a program's rules as YAML: what is in force, and what is to come."""
    surroundings.use(data)
    from loyalty.cli import promotions

    promotions.export(tenant, program, drafts=drafts)


@promotions.command("import")
@click.argument("program")
@_file
@click.option("--publish", is_flag=True, help="Put it in force at once, all of it or nothing.")
@_tenant
@_data
@_in_one_sentence
def promotions_import(program: str, file: Path, publish: bool, tenant: str, data: Path) -> None:
    """Make drafts of what differs in a file of rules; what it leaves out stays as it is."""
    surroundings.use(data)
    from loyalty.cli import promotions

    promotions.take(tenant, program, file, publish=publish)


@promotions.command("diff")
@click.argument("program")
@_file
@_json
@_tenant
@_data
@_in_one_sentence
def promotions_diff(program: str, file: Path, as_json: bool, tenant: str, data: Path) -> None:
    """Show how a file of rules differs from what is in force; end with 1 if it does."""
    surroundings.use(data)
    from loyalty.cli import promotions

    if promotions.compare(tenant, program, file, as_json=as_json):
        sys.exit(1)


@promotions.command("publish")
@click.argument("program")
@click.argument("key", nargs=-1)
@_json
@_tenant
@_data
@_in_one_sentence
def promotions_publish(
    program: str, key: tuple[str, ...], as_json: bool, tenant: str, data: Path
) -> None:
    """Publish drafts whose fixtures hold: those named, or all; all of them or none."""
    surroundings.use(data)
    from loyalty.cli import promotions

    promotions.put_in_force(tenant, program, key, as_json=as_json)


@promotions.command("rehearse")
@click.argument("program")
@click.argument("key")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366))
@_tenant
@_data
@_in_one_sentence
def promotions_rehearse(program: str, key: str, days: int, tenant: str, data: Path) -> None:
    """Try a draft on all real purchases of the last days: what would have come out differently."""
    surroundings.use(data)
    from loyalty.cli import promotions

    promotions.tell_rehearsal(tenant, program, key, days)
