"""What happened to the tenant: the feed, in order and without gaps."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.events.cloudevent import cloudevent
from loyalty.events.feed import Page, Wanted, latest, read
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import allow, tenant
from loyalty.web.resource import Resource
from loyalty.web.webhook_schema import EventArgs, EventsSchema, place_of

events = Resource("events", description="What happened, as CloudEvents, in order, without gaps.")

_SLUG = text("SELECT slug FROM tenant WHERE id = :tenant")


@events.route("/events", methods=["GET"])
@allow("events.read")
@events.arguments(EventArgs, location="query")
@events.response(200, EventsSchema)
def browse(asked: dict[str, Any]) -> Response:
    """List what happened after a cursor, the oldest first.

    Ask again with `after` = the page's `cursor`: nothing is left out, and nothing told twice.
    """
    with transaction(tenant()) as session:
        after = place_of(asked["after"])
        found = read(
            session,
            latest(session) if after is None else after,
            most=asked["limit"],
            wanted=_wanted(session, asked),
        )
        slug = str(session.scalar(_SLUG, {"tenant": tenant()}))
    told = [cloudevent(one, slug) for one in found.events]
    cursor = str(found.upto)
    following = cursor if found.more else None
    shown = {"data": told, "next": following, "cursor": cursor}
    return json_answer(shown, headers=_link(found) if found.more else None)


def _wanted(session: Session, asked: dict[str, Any]) -> Wanted:
    program = asked["program"] and program_by_slug(session, asked["program"]).id
    return Wanted(
        None if asked["type"] is None else {asked["type"]},
        None if program is None else {program},
    )


def _link(found: Page) -> dict[str, str]:
    query = urlencode({**request.args.to_dict(), "after": str(found.upto)})
    return {"Link": f'<{request.path}?{query}>; rel="next"'}
