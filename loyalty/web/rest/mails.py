"""Mails: what a member was written, and whether they want to be."""

from __future__ import annotations

from typing import Any

from loyalty.clock import now
from loyalty.members.queries import membership_of
from loyalty.notifications.queries import notifications_of
from loyalty.notifications.unsubscribe import is_subscribed, subscribe
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.mail_schema import MailSubscriptionSchema, SentMailSchema, WantsMailSchema
from loyalty.web.resource import Resource

mails = Resource("mails", description="What members were written, and who wants none.")
_MEMBER = "/programs/<slug:program>/members/<member:member_id>"


@mails.route(f"{_MEMBER}/mails", methods=["GET"])
@allow("mails.read")
@mails.arguments(ListById, location="query")
@mails.response(200, page_schema(SentMailSchema))
def browse(asked: dict[str, Any], program: str, member_id: str) -> object:
    """List what the member was written, or was not and why, newest first."""
    before, limit = asked["after"], asked["limit"]
    with transaction(tenant()) as session:
        whose = membership_of(session, program_by_slug(session, program).id, member_id)
        found = notifications_of(session, whose.id, before=before, limit=limit + 1)
    return page(found, limit, lambda row: row.id)


@mails.route(f"{_MEMBER}/mail-subscription", methods=["GET"])
@allow("mails.read")
@mails.response(200, MailSubscriptionSchema)
def read(program: str, member_id: str) -> dict[str, Any]:
    """Tell whether the member gets mail of this program."""
    with transaction(tenant()) as session:
        whose = membership_of(session, program_by_slug(session, program).id, member_id)
        return {"member_id": whose.member_id, "subscribed": is_subscribed(session, whose.id)}


@mails.route(f"{_MEMBER}/mail-subscription", methods=["PUT"])
@allow("mails.subscribe")
@mails.arguments(WantsMailSchema)
@mails.response(200, MailSubscriptionSchema)
def replace(wanted: dict[str, Any], program: str, member_id: str) -> dict[str, Any]:
    """Let the member get mail of this program, or none; repeating it changes nothing."""
    with transaction(tenant()) as session:
        whose = membership_of(session, program_by_slug(session, program).id, member_id)
        by = acting(now(session))
        subscribe(session, whose.id, wanted=wanted["subscribed"], by=by)
        return {"member_id": whose.member_id, **wanted}
