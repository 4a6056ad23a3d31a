"""`loyalty promotions`: a program's rules as one file, out and in, compared and put in force."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.cli.acting import acting
from loyalty.cli.console import doing, instant, say, show, show_json, table
from loyalty.cli.trouble import Trouble
from loyalty.clock import now
from loyalty.earning.prove import publish_proven
from loyalty.earning.rehearse import Rehearsal, rehearse
from loyalty.errors import Invalid, Problem
from loyalty.programs.judging import at_rest
from loyalty.programs.queries import Program, program_by_slug
from loyalty.promotions.desk import DeskVersion, every_promotion, promotion_by_key
from loyalty.promotions.exchange import MOST_LATER, export_rules, tidied
from loyalty.promotions.import_rules import Imported, import_rules, put_earn_rate
from loyalty.promotions.rules_file import from_yaml, to_yaml
from loyalty.web.fields import instant_text

Result = TypeVar("Result")
_MOST_SHOWN = 20


def export(tenant: str, slug: str, *, drafts: bool) -> None:
    """Prints the rules as YAML."""
    click.echo(_rules(tenant, slug, drafts=drafts), nl=False)


def take(tenant: str, slug: str, file: Path, *, publish: bool) -> None:
    """Makes drafts of what differs in the file; with `publish` all of it is in force at once, or
    nothing of it is."""
    document = from_yaml(file.read_text())

    def act(session: Session, program: Program, by: By) -> tuple[Imported, Sequence[str]]:
        imported = import_rules(session, program, document, by)
        if not publish:
            return imported, ()
        if imported.earn_rate:
            program = put_earn_rate(session, program, imported.earn_rate, by)
        drafts = imported.drafts
        for _ in range(1 + MOST_LATER):  # each round one more version of a promotion
            _publish(session, program, drafts, by)
            drafts = import_rules(session, program, document, by).drafts
        return imported, imported.drafts

    imported, published = _act(tenant, slug, act)
    for key in imported.segments:
        say(f"Segment {key!r} is saved.")
    if imported.earn_rate:
        say("The earn rate is changed." if publish else "The earn rate differs: use --publish.")
    for key in imported.drafts:
        say(f"Promotion {key!r} is {'published' if key in published else 'a draft'}.")
    if imported == Imported((), (), None):
        say("Nothing differs.")


def compare(tenant: str, slug: str, file: Path, *, as_json: bool) -> bool:
    """Prints how the file differs from what is in force; returns whether it does."""
    there = _rules(tenant, slug, drafts=False)
    wanted = to_yaml({**tidied(from_yaml(file.read_text())), "program": slug})
    ordered = to_yaml({**tidied(from_yaml(there)), "program": slug})
    lines = list(
        difflib.unified_diff(
            ordered.splitlines(), wanted.splitlines(), "in force", str(file), lineterm=""
        )
    )
    if as_json:
        show_json({"differs": bool(lines), "diff": lines})
        return bool(lines)
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        colour = colours.get(line[:1])
        say(f"[{colour}]{escape(line)}[/]" if colour else escape(line))
    return bool(lines)


def put_in_force(tenant: str, slug: str, keys: Sequence[str], *, as_json: bool) -> None:
    """Publishes drafts, all that there are unless some are named; all of them or none."""

    def act(session: Session, program: Program, by: By) -> list[tuple[str, DeskVersion]]:
        drafted = [one.key for one in every_promotion(session, program.id) if one.draft]
        published = _publish(session, program, keys or drafted, by)
        there = {one.key: one for one in every_promotion(session, program.id)}
        return [(key, there[key].published[-1]) for key in published]

    published = _act(tenant, slug, act)
    if as_json:
        show_json({"published": [_version(key, version) for key, version in published]})
    elif not published:
        say("There is no draft.")
    else:
        show(_versions(published))


def _version(key: str, version: DeskVersion) -> dict[str, object]:
    ends = (version.starts_at, version.ends_at)
    starts_at, ends_at = (instant_text(at) if at else None for at in ends)
    return {
        "promotion": key,
        "version": version.number,
        "starts_at": starts_at,
        "ends_at": ends_at,
    }


def _versions(published: Sequence[tuple[str, DeskVersion]]) -> Table:
    made = table("published", "version", "from (UTC)", "until (UTC)", right=("version",))
    for key, version in published:
        starts, ends = (instant(at) if at else "" for at in (version.starts_at, version.ends_at))
        made.add_row(key, str(version.number), starts, ends)
    return made


def tell_rehearsal(tenant: str, slug: str, key: str, days: int) -> None:
    """Prints what the draft would have changed, and where most."""

    def act(session: Session, program: Program, by: By) -> tuple[Rehearsal, dict[int, str]]:
        promotion = promotion_by_key(session, program.id, key)
        keys = {one.id: one.key for one in every_promotion(session, program.id)}
        with doing("Trying the draft …") as now_doing:
            trial = rehearse(session, program, promotion, by.at - timedelta(days=days), by.at)
            for told in trial:
                now_doing(f"Trying the draft: {told.purchases:,} purchases …")
        return told, keys

    told, keys = _act(tenant, slug, act, lock=False)
    say(
        f"{told.purchases:,} purchases of {days} days: {told.differ:,} of "
        f"{len(told.accounts):,} members would differ, {told.before:,} points would be "
        f"{told.after:,}."
    )
    for one in told.shown[:_MOST_SHOWN]:
        because = ", ".join(
            f"{keys[promotion]} {points}" for promotion, points in one.because.items()
        )
        say(
            escape(
                f"  {one.source} {one.transaction_id}: {one.before:,} → {one.after:,} ({because})"
            )
        )


def _publish(session: Session, program: Program, keys: Sequence[str], by: By) -> Sequence[str]:
    for key in keys:
        try:
            publish_proven(
                session, program, promotion_by_key(session, program.id, key, lock=True), by
            )
        except Problem as problem:
            raise Trouble(f"Promotion {key!r} was not published. {_said(problem)}") from None
    return keys


def _rules(tenant: str, slug: str, *, drafts: bool) -> str:
    return _act(
        tenant,
        slug,
        lambda session, program, by: to_yaml(export_rules(session, program, by.at, drafts=drafts)),
        lock=False,
    )


def _act(
    tenant: str, slug: str, act: Callable[[Session, Program, By], Result], *, lock: bool = True
) -> Result:
    """What `act` returns, in one transaction. Raises Trouble, which names what is wrong."""
    try:
        with acting(tenant) as (session, by):
            if not lock:
                return act(session, program_by_slug(session, slug), by)
            program = at_rest(session, slug, lock=True)
            return act(session, program, replace(by, at=now(session)))
    except Invalid as problem:
        raise Trouble(_said(problem)) from None


def _said(problem: Problem) -> str:
    details = [f"{error.pointer}: {error.detail}" for error in problem.errors]
    return "\n".join([problem.detail, *details] if len(details) != 1 else details)
