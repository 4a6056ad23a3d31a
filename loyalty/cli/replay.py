"""`loyalty replay`: does every award of history come out again, to the point?"""

from __future__ import annotations

from rich.progress import Progress

from loyalty.book.audit import scopes
from loyalty.cli.console import out, say
from loyalty.cli.trouble import Trouble
from loyalty.earning.replay import Miscount, awards_of, replay
from loyalty.transaction import across_tenants

_MOST_SHOWN = 20


def tell_replay(tenant: str | None, program: str | None) -> None:
    """Evaluates all awards again, of the whole book or a part of it, and says what differs.

    Raises Trouble when one does.
    """
    replayed, wrong = 0, list[Miscount]()
    with across_tenants(snapshot=True) as session:
        over = scopes(session, tenant, program)
        if not over and (tenant or program):
            raise Trouble("There is no such program: see `loyalty replay --help`.")
        with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
            total = sum(awards_of(session, one.tenant_id, one.program_id) for one in over)
            task = progress.add_task("Replaying", total=total)
            for one in over:
                for count, differing in replay(session, one.tenant_id, one.program_id):
                    replayed += count
                    wrong += differing
                    progress.advance(task, count)
    say(f"{len(over):,} programs, {replayed:,} awards evaluated again")
    for miscount in wrong[:_MOST_SHOWN]:
        say(
            f"  {miscount.activity_id}: {miscount.stored:,} stored, {miscount.again:,} now "
            f"({miscount.detail})"
        )
    if wrong:
        raise Trouble(f"{len(wrong):,} awards do not come out again.")
    say("[bold green]✓[/] every award comes out again")
