"""`loyalty statement`: what happened to a member's points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table
from sqlalchemy.orm import Session

from loyalty.cli.acting import acting
from loyalty.cli.console import instant, say, show, show_json, table
from loyalty.people.statement import StatementLine, statement
from loyalty.programs.queries import Program, program_by_slug
from loyalty.web.rest.statement import EntrySchema

_PAGE = 200


def tell_statement(tenant: str, slug: str, member_id: str, *, limit: int, as_json: bool) -> None:
    """Prints the newest entries, the newest first."""
    with acting(tenant) as (session, _):
        program = program_by_slug(session, slug)
        lines = _newest(session, program, member_id, limit + 1)
    shown, more = lines[:limit], len(lines) > limit
    if as_json:
        show_json({"data": EntrySchema(many=True).dump(shown), "more": more})
        return
    if shown:
        show(_table(shown))
    else:
        say("Nothing has happened yet.")
    if more:
        say(f"[dim]And more than these {limit}: use --limit.[/]")


def _newest(session: Session, program: Program, member_id: str, most: int) -> list[StatementLine]:
    lines = list[StatementLine]()
    while len(lines) < most:
        after, limit = lines[-1].id if lines else None, min(_PAGE, most - len(lines))
        page = statement(session, program, member_id, before=after, limit=limit)
        lines += page
        if len(page) < limit:
            break
    return lines


def _table(lines: Sequence[StatementLine]) -> Table:
    right = ("change", "available")
    made = table("when (UTC)", "entry", "what", *right, right=right)
    for line in lines:
        left = f"{line.balance.available:,}"
        what = escape(line.text)
        made.add_row(instant(line.occurred_at), line.id, what, change_text(line.change), left)
    return made


def change_text(change: Mapping[str, int]) -> str:
    """`+100`, or with the bucket's name where it is not what can be spent: `-10, held +10`."""
    return ", ".join(
        f"{points:+,}" if bucket == "available" else f"{bucket} {points:+,}"
        for bucket, points in sorted(change.items())
    )
