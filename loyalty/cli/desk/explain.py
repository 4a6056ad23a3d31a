"""`loyalty explain`: why an entry was written, why a purchase or a return gave what it gave."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.markup import escape
from rich.table import Table
from sqlalchemy.orm import Session

from loyalty.cli.acting import acting
from loyalty.cli.console import instant, say, show, show_json, table
from loyalty.cli.desk.statement import change_text
from loyalty.cli.trouble import Trouble
from loyalty.earning import queries as earns
from loyalty.earning.give_back import queries as returns
from loyalty.errors import NotFound
from loyalty.people.explain_entry import explain_entry
from loyalty.people.rules import LotTold
from loyalty.web.earn_answers import show as shown_purchases
from loyalty.web.rest.entries import shown_explained
from loyalty.web.return_schema import shown_return

_ENTRY = re.compile(r"([1-9][0-9]{0,17})-([1-9][0-9]{0,17})")


def tell_why(tenant: str, what: str, *, as_json: bool) -> None:
    """Explains an entry (`10-2`), or a purchase or a return by its id. Raises Trouble, NotFound."""
    if (entry := _ENTRY.fullmatch(what)) is not None:
        _tell_entry(tenant, int(entry[1]), int(entry[2]), as_json)
    else:
        _tell_judged(tenant, _id(what), as_json)


def _id(what: str) -> UUID:
    try:
        return UUID(what)
    except ValueError:
        raise Trouble(
            f"{what!r} is neither an entry, such as 10-2, nor the id of a purchase or a return: "
            "`loyalty statement` names entries."
        ) from None


def _tell_entry(tenant: str, account_id: int, version: int, as_json: bool) -> None:
    with acting(tenant) as (session, _):
        told = explain_entry(session, account_id, version)
    if as_json:
        show_json(shown_explained(told))
        return
    line, cause = told.line, told.cause
    say(f"[bold]Entry {line.id}[/] of {escape(told.member_id)} in {told.program}")
    say(escape(told.sentence))
    facts = {
        "occurred": instant(line.occurred_at),
        "recorded": instant(line.recorded_at),
        "change": change_text(line.change),
        "available": f"{line.balance.available:,}",
        "cause": f"{cause.kind} {cause.id}",
        "by": cause.actor,
        "reason": cause.reason,
        "beside it": ", ".join(cause.entries),
    }
    _show_facts(facts)
    if told.lots:
        show(_lots(told.lots))


def _lots(lots: Sequence[LotTold]) -> Table:
    figures = ("here", "points", "left")
    made = table("lot", "role", *figures, "waits until (UTC)", "expires (UTC)", right=figures)
    for lot in lots:
        waits = "" if lot.active else instant(lot.activates_at) if lot.activates_at else "released"
        ends = instant(lot.expires_at) if lot.expires_at else "never"
        points = (f"{figure:,}" for figure in (lot.here, lot.points, lot.remaining))
        made.add_row(lot.id, lot.role, *points, waits, ends)
    return made


def _tell_judged(tenant: str, judged_id: UUID, as_json: bool) -> None:
    with acting(tenant) as (session, _):
        told = _judged(session, judged_id)
    if as_json:
        show_json(told)
        return
    what = "Return" if "return_id" in told else "Purchase"
    whose = f" of {told['member_id']}" if told["member_id"] else ""
    say(f"[bold]{what} {told['id']}[/]{escape(whose)} in {told['program']}: {told['status']}")
    why = told["explanation"]
    say(escape(why["sentence"] if why else "It is still on its way."))
    _show_facts(
        {
            "till": f"{told['source']} {told['transaction_id']}",
            "return": told.get("return_id"),
            "amount": f"{told['amount']} {told['currency']}" if told["amount"] else None,
            "occurred": instant(datetime.fromisoformat(told["occurred_at"])),
            "recorded": instant(datetime.fromisoformat(told["recorded_at"])),
            "points": None if told["points"] is None else f"{told['points']:,}",
            "entries": ", ".join(why.get("entries", ())) if why else None,
        }
    )
    if why and why.get("given"):
        show(_shares(why["given"]))


def _judged(session: Session, judged_id: UUID) -> Mapping[str, Any]:
    """A purchase, or else a return, as the API tells it. Raises NotFound."""
    purchases = earns.tell(session, [judged_id])
    if purchases:
        return shown_purchases(session, purchases)[0]
    for told in returns.tell(session, [judged_id]):
        return shown_return(told)
    raise NotFound(f"There is neither a purchase nor a return {judged_id}.")


def _shares(given: Sequence[Mapping[str, Any]]) -> Table:
    made = table("promotion", "version", "points", "why", right=("version", "points"))
    for share in given:
        name, sentence = escape(share["promotion"]), escape(share["sentence"])
        made.add_row(name, str(share["version"]), f"{share['points']:,}", sentence)
    return made


def _show_facts(facts: Mapping[str, str | None]) -> None:
    """What there is to say, a line each."""
    made = table("", "")
    made.show_header = False
    for name, value in facts.items():
        if value:
            made.add_row(f"[dim]{name}[/]", escape(value))
    show(made)
