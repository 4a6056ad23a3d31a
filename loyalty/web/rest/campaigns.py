"""Campaigns: goals that, met, pay rewards, once or several times for each member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Response

from loyalty.campaigns import find
from loyalty.campaigns.draft import Draft, change_campaign, draft_campaign, drop_campaign
from loyalty.campaigns.find import ToldCampaign
from loyalty.campaigns.publish import end_campaign
from loyalty.campaigns.report import report
from loyalty.campaigns.standing import campaigns_of_account
from loyalty.clock import now
from loyalty.earning.open_campaign import open_campaign
from loyalty.members.queries import membership_of
from loyalty.programs.cache import recent_program
from loyalty.programs.judging import at_rest
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.campaign_schema import (
    CampaignChangeSchema,
    CampaignListArgs,
    CampaignReportSchema,
    CampaignSchema,
    CampaignStandingSchema,
    NewCampaignSchema,
)
from loyalty.web.lists import ListByNumber, page, page_schema
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource

Turn = Callable[..., ToldCampaign]  # open_campaign or end_campaign

campaigns = Resource("campaigns", description="Goals that, met, pay rewards: drafts to reports.")
_TOLD = CampaignSchema(exclude=["rewards"])  # they stand there in JSON already
_STANDING = CampaignStandingSchema(exclude=["rewards"])


@campaigns.route("/programs/<slug:program>/campaigns", methods=["POST"])
@allow("campaigns.change")
@campaigns.keyed(required=False)
@campaigns.arguments(NewCampaignSchema)
@campaigns.response(201, CampaignSchema)
def create(wanted: dict[str, Any], program: str) -> Response:
    """Draft a campaign of goals that are defined; nothing counts before it is published."""
    order = Draft(**wanted)
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)

        def act() -> dict[str, Any]:
            made = draft_campaign(session, book, order, by=acting(at))
            return _shown(made)

        return once(session, wanted, act, at=at, required=False)


@campaigns.route("/programs/<slug:program>/campaigns", methods=["GET"])
@allow("campaigns.read")
@campaigns.arguments(CampaignListArgs, location="query")
@campaigns.response(200, page_schema(CampaignSchema))
def browse(asked: dict[str, Any], program: str) -> Response:
    """List the campaigns, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        found = find.campaigns(
            session,
            program_by_slug(session, program),
            status=asked.get("status"),
            before=asked["after"],
            limit=limit + 1,
        )
    told, status, headers = page(found, limit, lambda campaign: campaign.id)
    return json_answer({**told, "data": [_shown(one) for one in told["data"]]}, status, headers)


@campaigns.route("/programs/<slug:program>/campaigns/<slug:key>", methods=["GET"])
@allow("campaigns.read")
@campaigns.response(200, CampaignSchema)
def read(program: str, key: str) -> Response:
    """Tell a campaign."""
    with transaction(tenant()) as session:
        return _told(find.campaign_by_key(session, program_by_slug(session, program), key))


@campaigns.route("/programs/<slug:program>/campaigns/<slug:key>", methods=["PATCH"])
@allow("campaigns.change")
@campaigns.conditional()
@campaigns.arguments(CampaignChangeSchema)
@campaigns.response(200, CampaignSchema)
def change(patch: dict[str, Any], program: str, key: str) -> Response:
    """Change a draft; of a published campaign its name and end."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        present = find.campaign_by_key(session, book, key, lock=True)
        if_match(present.version)
        at = now(session)
        return _told(change_campaign(session, book, present, patch, by=acting(at)))


@campaigns.route("/programs/<slug:program>/campaigns/<slug:key>", methods=["DELETE"])
@allow("campaigns.change")
@campaigns.response(200, CampaignSchema)
def delete(program: str, key: str) -> Response:
    """Take away a draft; a published campaign is ended instead."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        present = find.campaign_by_key(session, book, key, lock=True)
        at = now(session)
        drop_campaign(session, book, present, by=acting(at))
    return json_answer(_shown(present))


@campaigns.route("/programs/<slug:program>/campaigns/<slug:key>/publish", methods=["POST"])
@allow("campaigns.change")
@campaigns.keyed(required=False)
@campaigns.response(200, CampaignSchema)
def publish(program: str, key: str) -> Response:
    """Open a draft to the members: what is judged from now on counts."""
    return _turn(open_campaign, program, key)


@campaigns.route("/programs/<slug:program>/campaigns/<slug:key>/end", methods=["POST"])
@allow("campaigns.change")
@campaigns.keyed(required=False)
@campaigns.response(200, CampaignSchema)
def end(program: str, key: str) -> Response:
    """End a campaign: what occurs from now on no longer counts."""
    return _turn(end_campaign, program, key)


@campaigns.route("/programs/<slug:program>/campaigns/<slug:key>/report", methods=["GET"])
@allow("campaigns.read")
@campaigns.response(200, CampaignReportSchema)
def tell(program: str, key: str) -> Response:
    """Tell how many are on their way, have completed it, and what it cost."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        figures = report(session, book.id, find.campaign_by_key(session, book, key))
    return json_answer(asdict(figures))


@campaigns.route("/programs/<slug:program>/members/<member:member_id>/campaigns", methods=["GET"])
@allow("statement.read")
@campaigns.arguments(ListByNumber, location="query")
@campaigns.response(200, page_schema(CampaignStandingSchema))
def of_member(asked: dict[str, Any], program: str, member_id: str) -> Response:
    """List the campaigns that are open, and how far the member is."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        found = campaigns_of_account(
            session,
            book.id,
            membership_of(session, book.id, member_id).account_id,
            before=asked["after"],
            limit=limit + 1,
            at=now(session),
        )
    told, status, headers = page(found, limit, lambda campaign: campaign.id)
    shown = [{**_STANDING.dump(one), "rewards": list(one.rewards)} for one in told["data"]]
    return json_answer({**told, "data": shown}, status, headers)


def _turn(verb: Turn, slug: str, key: str) -> Response:
    with transaction(tenant()) as session:
        book = at_rest(session, slug, lock=True)
        at = now(session)

        def turned() -> dict[str, Any]:
            present = find.campaign_by_key(session, book, key, lock=True)
            return _shown(verb(session, book, present, by=acting(at)))

        return once(session, [verb.__name__], turned, at=at, status=200, required=False)


def _shown(campaign: ToldCampaign) -> dict[str, Any]:
    shown: dict[str, Any] = _TOLD.dump(campaign)
    return {**shown, "rewards": list(campaign.rewards)}


def _told(campaign: ToldCampaign) -> Response:
    return json_answer(_shown(campaign), headers={"ETag": etag(campaign.version)})
