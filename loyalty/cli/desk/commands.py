"""What can be typed at the desk; what it does is in the other files of this folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loyalty.cli import surroundings
from loyalty.cli.frame import data as _data
from loyalty.cli.frame import in_one_sentence as _in_one_sentence
from loyalty.cli.frame import json_ as _json
from loyalty.cli.frame import tenant as _tenant

if TYPE_CHECKING:
    from loyalty.people.search import Order

_MOST_ROWS = 10_000
_LONGEST_WAIT_S = 24 * 3600
_MOST_POINTS = 2**53 - 1
_STATUSES = click.Choice(["active", "suspended", "cancelled"])
_ORDERS = click.Choice(["-joined", "joined", "-points", "points"])

_REASON, _KEY = re.compile(r"[^\ud800-\udfff]{1,500}"), re.compile("[!-~]{1,255}")


Check = Callable[[object, object, str | None], str | None]


def _formed(form: re.Pattern[str], meaning: str) -> Check:
    """Refuses a text that has another form."""

    def check(_context: object, _parameter: object, text: str | None) -> str | None:
        if text is not None and not form.fullmatch(text):
            raise click.BadParameter(meaning)
        return text

    return check


_reason = click.option(
    "--reason",
    required=True,
    help="Why; it is kept, and members read it.",
    callback=_formed(_REASON, "1 to 500 characters are expected."),
)
_limit = click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, _MOST_ROWS), help="Of rows."
)


@click.group()
def members() -> None:
    """Who the members of a program are."""


@members.command("find")
@click.argument("program")
@click.argument("text", required=False)
@click.option("--points-gte", type=click.IntRange(0, _MOST_POINTS), help="Available, at least.")
@click.option("--points-lte", type=click.IntRange(0, _MOST_POINTS), help="Available, at most.")
@click.option("--owed-gte", type=click.IntRange(0, _MOST_POINTS), help="In arrears, at least.")
@click.option("--tier", help="The key of their tier.")
@click.option("--status", type=_STATUSES)
@click.option("--segment", help="The key of a segment they are in.")
@click.option("--sort", type=_ORDERS, default="-joined", show_default=True, help="-: most first.")
@_limit
@_json
@_tenant
@_data
@_in_one_sentence
def members_find(
    program: str,
    text: str | None,
    points_gte: int | None,
    points_lte: int | None,
    owed_gte: int | None,
    tier: str | None,
    status: str | None,
    segment: str | None,
    sort: Order,
    limit: int,
    as_json: bool,
    tenant: str,
    data: Path,
) -> None:
    """Find members who meet every filter.

    TEXT is the start of their id, of the words of their name, or a whole card or phone number.
    """
    surroundings.use(data)
    from loyalty.cli.desk.find import tell_members
    from loyalty.people.filters import Filters

    filters = Filters(
        points_gte=points_gte,
        points_lte=points_lte,
        owed_gte=owed_gte,
        tier=tier,
        status=status,
        segment=segment,
        q=text,
    )
    tell_members(tenant, program, filters, sort, limit=limit, as_json=as_json)


@click.command()
@click.argument("program")
@click.argument("member")
@_limit
@_json
@_tenant
@_data
@_in_one_sentence
def statement(
    program: str, member: str, limit: int, as_json: bool, tenant: str, data: Path
) -> None:
    """Show what happened to a member's points, newest first."""
    surroundings.use(data)
    from loyalty.cli.desk.statement import tell_statement

    tell_statement(tenant, program, member, limit=limit, as_json=as_json)


@click.command()
@click.argument("what", metavar="ENTRY|EARN|RETURN")
@_json
@_tenant
@_data
@_in_one_sentence
def explain(what: str, as_json: bool, tenant: str, data: Path) -> None:
    """Say why an entry (10-2) was written, or what a purchase or a return (its id) came to."""
    surroundings.use(data)
    from loyalty.cli.desk.explain import tell_why

    tell_why(tenant, what, as_json=as_json)


@click.command(context_settings={"ignore_unknown_options": True})  # -100 is no option
@click.argument("program")
@click.argument("member")
@click.argument("points", type=click.IntRange(-_MOST_POINTS, _MOST_POINTS))
@_reason
@click.option(
    "--key",
    help="Repeated with the same key, it is done once.",
    callback=_formed(_KEY, "1 to 255 visible ASCII characters are expected."),
)
@_json
@_tenant
@_data
@_in_one_sentence
def adjust(
    program: str,
    member: str,
    points: int,
    reason: str,
    key: str | None,
    as_json: bool,
    tenant: str,
    data: Path,
) -> None:
    """Give a member points, or take them: POINTS below zero."""
    if points == 0:
        raise click.BadParameter("Above zero are given, below zero taken.", param_hint="POINTS")
    surroundings.use(data)
    from loyalty.care.adjust import Adjust
    from loyalty.cli.desk.adjust import tell_adjustment

    tell_adjustment(tenant, program, member, Adjust(points, reason), key, as_json=as_json)


@click.command("retry-failed")
@click.argument("program")
@click.option("--source", help="Only what this source told.")
@click.option("--dry-run", is_flag=True, help="Show what failed, and change nothing.")
@_json
@_tenant
@_data
@_in_one_sentence
def retry_failed(
    program: str, source: str | None, dry_run: bool, as_json: bool, tenant: str, data: Path
) -> None:
    """Try purchases and returns again that failed, when the cause was mended."""
    surroundings.use(data)
    from loyalty.cli.desk.retry import tell_retry

    tell_retry(tenant, program, source, dry_run=dry_run, as_json=as_json)


@click.command("re-evaluate")
@click.argument("program")
@click.option("--from", "from_", required=True, help="A day of the program, or an instant.")
@click.option("--until", required=True, help="And before this one.")
@_reason
@click.option("--promotion", help="The key of a promotion, to be judged by one --version of it.")
@click.option("--version", type=click.IntRange(1, 2**31 - 1))
@click.option("--source", help="Only what this source told.")
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@click.option(
    "--within",
    "within_s",
    default=600,
    show_default=True,
    type=click.IntRange(0, _LONGEST_WAIT_S),
    help="Seconds to wait for the end; it goes on after them.",
)
@_json
@_tenant
@_data
@_in_one_sentence
def re_evaluate(
    program: str,
    from_: str,
    until: str,
    reason: str,
    promotion: str | None,
    version: int | None,
    source: str | None,
    dry_run: bool,
    within_s: int,
    as_json: bool,
    tenant: str,
    data: Path,
) -> None:
    """Work purchases out again, and post the difference as adjustments with the reason."""
    surroundings.use(data)
    from loyalty.cli.desk.re_evaluate import Wish, tell_re_evaluation

    wish = Wish(reason, from_, until, promotion, version, source, dry_run)
    tell_re_evaluation(tenant, program, wish, within_s=within_s, as_json=as_json)


COMMANDS = (members, statement, explain, adjust, retry_failed, re_evaluate)
