"""`loyalty adjust`: gives points to a member, or takes them, and says why."""

from __future__ import annotations

import json
from typing import Any

from rich.markup import escape

from loyalty.care.adjust import Adjust, Adjusted, adjust
from loyalty.care.request_adjustment import request_adjustment
from loyalty.care.rules import alone_up_to, needs_a_second
from loyalty.cli.acting import acting
from loyalty.cli.console import say, show_json
from loyalty.cli.trouble import Trouble
from loyalty.idempotency.once import Answer, once
from loyalty.idempotency.rules import input_hash
from loyalty.ids import uuid7
from loyalty.programs.queries import program_by_slug
from loyalty.programs.unit import counted
from loyalty.tenants.roles import Role
from loyalty.web.once import refused, told
from loyalty.web.rest.adjustments import shown_adjusted, shown_request

_DONE, _ASKED, _FIRST_REFUSAL = 201, 202, 400


def tell_adjustment(
    tenant: str, slug: str, member_id: str, order: Adjust, key: str | None, *, as_json: bool
) -> None:
    """Adjusts once per `key`, or asks for it, above what an admin may do alone; tells what came.

    Raises Trouble for what the book refuses.
    """
    with acting(tenant) as (session, by):
        program = program_by_slug(session, slug)
        settings = program.settings
        most = settings.approval.admin_adjusts_up_to
        asks = needs_a_second(
            order.points, alone_up_to(Role.ADMIN, settings.support_adjusts_up_to, most)
        )

        def act() -> Answer:
            verb = request_adjustment if asks else adjust
            made = verb(session, program, member_id, order, by=by)
            if isinstance(made, Adjusted):
                return told(_DONE, shown_adjusted(made))
            return told(_ASKED, shown_request(made))

        answer = once(
            session,
            operation="adjustments.create",
            key=str(uuid7()) if key is None else key,
            input_hash=input_hash([slug, member_id, order.points, order.reason]),
            act=act,
            refuse=refused,
            at=by.at,
        )
    document = json.loads(answer.body)
    if answer.status >= _FIRST_REFUSAL:
        raise Trouble(document["detail"])
    if as_json:
        show_json(document)
        return
    say(escape(_sentence(member_id, document, program.unit)))
    if answer.replayed:
        say("[dim]That was done before, under the same key.[/]")


def _sentence(member_id: str, document: dict[str, Any], unit: str) -> str:
    points = counted(abs(document["points"]), unit)
    given = document["points"] > 0
    if "requested_by" in document:
        verb = "give to" if given else "take from"
        return (
            f"A second person is to approve, until {document['expires_at']}, to {verb} {member_id} "
            f"{points}: request {document['id']}."
        )
    left = f"{document['balance']['available']:,} are available now"
    verb = "given to" if given else "taken from"
    return f"{points} {verb} {member_id}: {left}."
