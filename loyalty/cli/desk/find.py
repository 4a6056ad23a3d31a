"""`loyalty members find`: who has what."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from loyalty.cli.acting import acting
from loyalty.cli.console import instant, say, show, show_json, table
from loyalty.people.filters import Filters
from loyalty.people.search import Found, Order, search
from loyalty.programs.queries import program_by_slug
from loyalty.web.member_schema import shown_found

_FIGURES = ("available", "pending", "held", "owed")


def tell_members(
    tenant: str, slug: str, filters: Filters, order: Order, *, limit: int, as_json: bool
) -> None:
    """Prints the first members that meet every filter."""
    with acting(tenant) as (session, by):
        program = program_by_slug(session, slug)
        found = search(session, program, filters, by.at, order=order, limit=limit + 1)
    shown, more = found[:limit], len(found) > limit
    if as_json:
        show_json({"data": [shown_found(one) for one in shown], "more": more})
        return
    if shown:
        show(_table(shown))
    else:
        say("Nobody is found.")
    if more:
        say(f"[dim]And more than these {limit}: narrow the search, or use --limit.[/]")


def _table(found: Sequence[Found]) -> Table:
    made = table("member", "name", "status", "tier", *_FIGURES, "joined (UTC)", right=_FIGURES)
    for one in found:
        figures = [f"{getattr(one.points, bucket):,}" for bucket in _FIGURES]
        name, tier = escape(one.name or ""), escape(one.tier.name)
        made.add_row(one.member_id, name, one.status, tier, *figures, instant(one.joined_at))
    return made
