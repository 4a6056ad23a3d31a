"""`loyalty import`, `export`, `erase`: what can be typed; what it does is beside this file."""

from __future__ import annotations

from pathlib import Path

import click

from loyalty.cli import surroundings
from loyalty.cli.frame import data as _data
from loyalty.cli.frame import in_one_sentence as _in_one_sentence
from loyalty.cli.frame import tenant as _tenant
from loyalty.cli.trouble import Trouble

_FORMS = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


@click.command("import")
@click.argument("what", type=click.Choice(["members", "balances", "purchases", "vouchers"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--program", required=True, help="Its slug.")
@click.option("--dry-run", is_flag=True, help="Say what would come of it; change nothing.")
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused lines are told. [default: FILE.refused.ndjson]",
)
@_tenant
@_data
@_in_one_sentence
def import_(
    what: str,
    file: Path,
    program: str,
    dry_run: bool,
    refused: Path | None,
    tenant: str,
    data: Path,
) -> None:
    """Bring in a CSV or NDJSON file of another system.

    The same file again changes nothing: so goes on what was cut short.
    """
    surroundings.use(data)
    from loyalty.cli.import_file import bring_file

    form = _FORMS.get(file.suffix.lower())
    if form is None:
        raise Trouble(f"{file} is neither .csv nor .ndjson: name it after what it holds.")
    told = refused or file.with_name(f"{file.name}.refused.ndjson")
    bring_file(tenant, program, what, file, form, told, dry_run=dry_run)


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--member", help="Only what is stored of this member.")
@_tenant
@_data
@_in_one_sentence
def export(file: Path, member: str | None, tenant: str, data: Path) -> None:
    """Write everything of a tenant, or of one member, to FILE: .zip or .ndjson.

    All of it as it stands at one instant, whoever writes meanwhile.
    """
    surroundings.use(data)
    from loyalty.cli.export_file import write_export

    if file.suffix not in {".zip", ".ndjson"}:
        raise Trouble(f"{file} is neither .zip nor .ndjson: name it after what it shall hold.")
    write_export(tenant, member, file)


@click.command("erase")
@click.argument("member")
@click.option("--reason", required=True, help="Why; it is kept, so it names nobody.")
@click.option("--yes", is_flag=True, help="Do not ask: there is no way back.")
@_tenant
@_data
@_in_one_sentence
def erase(member: str, reason: str, yes: bool, tenant: str, data: Path) -> None:
    """Erase who a member was; what they did stays in the book, under a name that says nothing."""
    if not yes:
        click.confirm(f"Erase {member} for ever?", abort=True)
    surroundings.use(data)
    from loyalty.cli.erase_member import erase_member

    erase_member(tenant, member, reason)
