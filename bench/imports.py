"""`python -m bench.imports`: how long files of 100,000 lines take to come in, and again; and an
export of it all. By `loyalty import` itself, on a Postgres that keeps what it says."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from bench.servers import give_up_after, servers, work_in
from loyalty.audit.by import By
from loyalty.clock import wall_clock

_MOST_S = 1200
_WITHIN_S = 60.0  # a file of members
_TENANT, _PROGRAM = "imports", "wine"

console = Console()


def _members(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write("member_id,name,birthday,identifier.card,attributes.city,joined_at,tier\n")
        for n in range(count):
            file.write(
                f"m-{n},Person {n},19{n % 90 + 10}-0{n % 9 + 1}-1{n % 9},C{n:09},City {n % 500},"
                f"2024-0{n % 9 + 1}-01T00:00:00Z,{('basic', 'gold')[n % 10 == 0]}\n"
            )


def _balances(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write("reference,member_id,points,tier_points,earned_at,expires_at\n")
        for n in range(count):
            file.write(
                f"old-{n},m-{n},{n % 5000 + 1},0,2025-0{n % 9 + 1}-01T00:00:00Z,"
                f"2032-0{n % 9 + 1}-01T00:00:00Z\n"
            )


@click.command()
@click.option("--lines", default=100_000, show_default=True)
def main(lines: int) -> None:
    """Writes the files, brings each in twice, and exports the tenant; ends with 1 if too slow."""
    give_up_after(_MOST_S)
    with servers() as running, tempfile.TemporaryDirectory() as folder:
        work_in(running, "imports")
        _open_tenant()
        took = _measure(Path(folder), lines)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    console.print(f"memory of the process at most: {peak} MiB")
    sys.exit(0 if took < _WITHIN_S * lines / 100_000 else 1)


def _open_tenant() -> None:
    from loyalty.programs.create_program import NewProgram
    from loyalty.promotions.open_program import open_program
    from loyalty.tenants.add_tenant import add_tenant
    from loyalty.transaction import across_tenants, transaction

    with across_tenants() as session:
        tenant_id = add_tenant(session, _TENANT, "Imports", wall_clock())
    with transaction(tenant_id) as session:
        order = NewProgram(_PROGRAM, "Wine & Dine")
        open_program(session, order, by=By("bench", None, wall_clock()))


def _measure(folder: Path, lines: int) -> float:
    """Seconds for the first file of members."""
    from loyalty.cli.export_file import write_export

    members, balances = folder / "members.csv", folder / "balances.csv"
    _members(members, lines)
    _balances(balances, lines)
    first = _timed("members, new", lines, lambda: _bring("members", members))
    _timed("members, again", lines, lambda: _bring("members", members))
    _timed("balances, new", lines, lambda: _bring("balances", balances))
    _timed("balances, again", lines, lambda: _bring("balances", balances))
    _timed("export, zip", lines, lambda: write_export(_TENANT, None, folder / "all.zip"))
    return first


def _bring(what: str, file: Path) -> None:
    from loyalty.cli.import_file import bring_file

    refused = file.with_suffix(".refused")
    bring_file(_TENANT, _PROGRAM, what, file, "csv", refused, dry_run=False)


def _timed(name: str, lines: int, act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    took = time.monotonic() - began
    console.print(f"{name:<16} {lines:>8,} lines  {took:6.1f} s  {lines / took:>8,.0f}/s")
    return took


if __name__ == "__main__":
    main()
