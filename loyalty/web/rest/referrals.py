"""Referrals: members bring members, and both are rewarded after the first purchase."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from flask import Response

from loyalty.campaigns.refer import make_referral_code, referral_code
from loyalty.campaigns.referral_rule import ReferralRule, referral_rule, set_referral_rule
from loyalty.campaigns.referrals import Referral, referrals_of
from loyalty.clock import now
from loyalty.members.queries import membership_of
from loyalty.programs.cache import recent_program
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.fields import Choice, Flag, Id, Instant, Integer, MemberId, Money, Points, Schema
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.member_schema import ReferralCode
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource

referrals = Resource("referrals", description="Members bring members; both are rewarded.")


class ReferralRuleSchema(Schema):
    """What both are given once the referred has bought for `least_amount` or more."""

    active = Flag(required=True, metadata={"description": "Whether codes can be used now."})
    referrer_points = Points(required=True)
    referred_points = Points(required=True)
    least_amount = Money(
        load_default=Decimal(0),
        metadata={"description": "In the program's currency; 0: any purchase."},
    )


class ToldReferralRuleSchema(ReferralRuleSchema):
    """The rule as it is."""

    least_amount = Money(required=True)
    version = Integer(required=True)


class ReferralCodeSchema(Schema):
    """What the member gives to friends, who name it when they enrol."""

    member_id = MemberId(required=True)
    code = ReferralCode(required=True)


class ReferralSchema(Schema):
    """Who brought whom."""

    id = Id(required=True)
    referrer = MemberId(required=True)
    referred = MemberId(required=True)
    status = Choice(("open", "completed"), required=True)
    created_at = Instant(required=True)
    completed_at = Instant(required=True, allow_none=True)
    activity_id = Id(required=True, allow_none=True)


class ReferralListArgs(ListById):
    """Filters of the list."""

    referrer = MemberId()


_RULE = ToldReferralRuleSchema()
_REFERRAL = ReferralSchema()


@referrals.route("/programs/<slug:program>/referrals/settings", methods=["GET"])
@allow("referrals.read")
@referrals.response(200, ToldReferralRuleSchema)
def read_settings(program: str) -> Response:
    """Tell what referrals give."""
    with transaction(tenant()) as session:
        return _told(referral_rule(session, program_by_slug(session, program).id))


@referrals.route("/programs/<slug:program>/referrals/settings", methods=["PUT"])
@allow("referrals.change")
@referrals.conditional()
@referrals.arguments(ReferralRuleSchema)
@referrals.response(200, ToldReferralRuleSchema)
def set_settings(wanted: dict[str, Any], program: str) -> Response:
    """Say what referrals give; those under way keep what was promised."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program, lock=True)
        if_match(referral_rule(session, book.id).version)
        at = now(session)
        rule = ReferralRule(**wanted)
        return _told(set_referral_rule(session, book, rule, by=acting(at)))


@referrals.route("/programs/<slug:program>/referrals", methods=["GET"])
@allow("referrals.read")
@referrals.arguments(ReferralListArgs, location="query")
@referrals.response(200, page_schema(ReferralSchema))
def browse(asked: dict[str, Any], program: str) -> Response:
    """List who brought whom, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        found = referrals_of(
            session,
            book.id,
            referrer=asked.get("referrer"),
            before=asked["after"],
            limit=limit + 1,
        )
    told, status, headers = page(found, limit, lambda one: one.id)
    return json_answer({**told, "data": [_shown(one) for one in told["data"]]}, status, headers)


@referrals.route(
    "/programs/<slug:program>/members/<member:member_id>/referral-code", methods=["GET"]
)
@allow("referrals.code")
@referrals.response(200, ReferralCodeSchema)
def read_code(program: str, member_id: str) -> Response:
    """Tell the member's code; 404 where none was made."""
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        membership_of(session, book.id, member_id)
        code = referral_code(session, book.id, member_id)
    return json_answer({"member_id": member_id, "code": code})


@referrals.route(
    "/programs/<slug:program>/members/<member:member_id>/referral-code", methods=["POST"]
)
@allow("referrals.code")
@referrals.keyed(required=False)
@referrals.response(200, ReferralCodeSchema)
def make_code(program: str, member_id: str) -> Response:
    """Make the member's code, or tell it: a member has one for ever."""
    with transaction(tenant()) as session:
        book, at = recent_program(session, program), now(session)

        def act() -> dict[str, Any]:
            return {
                "member_id": member_id,
                "code": make_referral_code(session, book.id, member_id, at),
            }

        return once(session, [], act, at=at, status=200, required=False)


def _told(rule: ReferralRule) -> Response:
    return json_answer(_RULE.dump(asdict(rule)), headers={"ETag": etag(rule.version)})


def _shown(one: Referral) -> dict[str, Any]:
    shown: dict[str, Any] = _REFERRAL.dump(one)
    return shown
