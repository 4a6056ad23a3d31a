"""`loyalty retry-failed`: what failed is tried again, when its cause was mended."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from rich.markup import escape

from loyalty.care.retry_failed import MOST_AT_ONCE, What, failures, retry_failed
from loyalty.cli.acting import acting
from loyalty.cli.console import doing, say, show, show_json, table
from loyalty.programs.queries import program_by_slug

_NAMES: dict[What, str] = {"earn": "purchase", "return": "return"}
_MOST_SHOWN = 20


def tell_retry(tenant: str, slug: str, source: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Tries each failed purchase and return again, once, and tells with what they had failed."""
    because: Counter[tuple[What, str]] = Counter()
    with doing("Looking for what failed …") as now_doing:
        for what in _NAMES:
            before: UUID | None = None
            while True:
                with acting(tenant) as (session, by):
                    program = program_by_slug(session, slug)
                    found = failures(session, program, what, source=source, before=before)
                    if found and not dry_run:
                        retry_failed(session, program, found, by)
                because.update((what, one.detail) for one in found)
                now_doing(f"{because.total():,} so far …")
                if len(found) < MOST_AT_ONCE:
                    break
                before = found[-1].id
    if as_json:
        show_json(_document(because, dry_run))
    else:
        _say(because, dry_run)


def _document(because: Counter[tuple[What, str]], dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "failed": because.total(),
        "because": [
            {"what": what, "detail": detail, "count": count}
            for (what, detail), count in because.most_common()
        ],
    }


def _say(because: Counter[tuple[What, str]], dry_run: bool) -> None:
    if not because:
        say("Nothing has failed.")
        return
    made = table("what", "how many", "with what", right=("how many",))
    for (what, detail), count in because.most_common(_MOST_SHOWN):
        made.add_row(_NAMES[what], f"{count:,}", escape(detail))
    show(made)
    if len(because) > _MOST_SHOWN:
        say(f"[dim]And {len(because) - _MOST_SHOWN} other reasons.[/]")
    verb = "would be tried again" if dry_run else "are tried again now"
    say(f"{because.total():,} {verb}.")
