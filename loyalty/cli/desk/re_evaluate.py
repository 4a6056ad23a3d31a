"""`loyalty re-evaluate`: purchases are worked out again, and the difference is posted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from loyalty.care.re_evaluate.queries import ToldRun, run_by_id
from loyalty.care.re_evaluate.start import Run, start
from loyalty.cli.acting import acting
from loyalty.cli.console import doing, say, show, show_json, table
from loyalty.cli.trouble import Trouble
from loyalty.programs.queries import program_by_slug
from loyalty.web.rest.re_evaluations import shown_run

_LOOK_EVERY_S = 0.2
_FIGURES = ("looked", "corrected", "skipped", "given", "taken")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which purchases, and by which rule: as it was typed. Days are the program's."""

    reason: str
    occurred_from: str
    occurred_until: str
    promotion: str | None
    version: int | None
    source: str | None
    dry_run: bool


def tell_re_evaluation(tenant: str, slug: str, wish: Wish, *, within_s: int, as_json: bool) -> None:
    """Starts a run, waits for its end and tells what came of it. Raises Trouble."""
    with acting(tenant) as (session, by):
        program = program_by_slug(session, slug)
        run = Run(
            wish.reason,
            _instant(wish.occurred_from, program.time_zone),
            _instant(wish.occurred_until, program.time_zone),
            wish.promotion,
            wish.version,
            wish.source,
            wish.dry_run,
        )
        run_id = start(session, program, run, by)
    told = _ended(tenant, run_id, within_s)
    if as_json:
        show_json(shown_run(told))
    else:
        _say(told)
    if told.status == "running" and within_s:
        raise Trouble(f"It goes on after {within_s} s: GET /v1/re-evaluations/{run_id} tells more.")
    if told.status not in {"running", "done"}:
        raise Trouble(f"The re-evaluation {run_id} is {told.status}: {told.detail}")


def _instant(typed: str, zone: str) -> datetime:
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        raise Trouble(f"{typed!r} is no day and no instant: write 2026-07-01.") from None
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))


def _ended(tenant: str, run_id: UUID, within_s: int) -> ToldRun:
    """The run at its end, or as it is when the time is up."""
    until = time.monotonic() + within_s
    with doing("Working out …") as now_doing:
        while True:
            with acting(tenant) as (session, _):
                told = run_by_id(session, run_id)
            if told.status != "running" or time.monotonic() >= until:
                return told
            now_doing(f"Working out: {told.looked:,} purchases …")
            time.sleep(_LOOK_EVERY_S)


def _say(told: ToldRun) -> None:
    made = table(*_FIGURES, right=_FIGURES)
    made.add_row(*(f"{getattr(told, name):,}" for name in _FIGURES))
    show(made)
    tried = ", and nothing was changed" if told.dry_run else ""
    say(f"Re-evaluation {told.id} is {told.status}{tried}.")
