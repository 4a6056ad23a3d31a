"""`loyalty audit`: does the book balance, to the last point?"""

from __future__ import annotations

from dataclasses import asdict

from rich.progress import Progress

from loyalty.book.audit import Verdict, audit, scopes
from loyalty.book.audit_touched import found_whole
from loyalty.cli.console import out, say, show_json
from loyalty.cli.trouble import Trouble
from loyalty.clock import wall_clock
from loyalty.transaction import across_tenants


def tell_verdict(tenant: str | None, program: str | None, *, as_json: bool) -> None:
    """Audits the book, or a part of it, and says what it saw.

    Raises Trouble that names the first row which breaks an invariant.
    """
    verdict, began = Verdict(), wall_clock()
    with across_tenants(snapshot=True) as session:
        over = scopes(session, tenant, program)
        if not over and (tenant or program):
            raise Trouble("There is no such program: see `loyalty audit --help`.")
        quiet = as_json or not out.is_terminal
        with Progress(console=out, transient=True, disable=quiet) as progress:
            task = progress.add_task("Auditing", total=len(over))
            for so_far in audit(session, over):
                verdict = so_far
                progress.advance(task)
    if as_json:
        show_json(asdict(verdict))
    else:
        say(
            f"{verdict.programs:,} programs, {verdict.accounts:,} accounts, "
            f"{verdict.activities:,} purchases, {verdict.entries:,} entries, "
            f"{verdict.questions:,} questions in {verdict.took_s:.1f} s"
        )
    if verdict.broken:
        first = verdict.broken[0]
        raise Trouble(
            f"The book is broken: {first.invariant}. "
            f"Tenant {first.tenant}, program {first.program}: {first.row}."
        )
    if not tenant and not program:
        with across_tenants() as session:
            found_whole(session, began)
    if not as_json:
        say("[bold green]✓[/] every invariant holds")
