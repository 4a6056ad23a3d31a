"""Tiers: the status levels of a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flask import Response

from loyalty.clock import now
from loyalty.earning.set_free_tiers import set_free_tiers
from loyalty.people.answer import member_answer
from loyalty.programs.judging import at_rest
from loyalty.programs.queries import program_by_slug
from loyalty.programs.settings import TierSetting
from loyalty.tiers.assign import assign_tier
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.member_schema import MemberSchema, shown_member
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.program_schema import AssignedTierSchema, TiersSchema
from loyalty.web.resource import Resource

tiers = Resource("tiers", description="Status levels, reached by tier-qualifying points.")


@tiers.route("/programs/<slug:program>/tiers", methods=["GET"])
@allow("tiers.read")
@tiers.response(200, TiersSchema)
def read(program: str) -> object:
    """Tell the tiers, the lowest first."""
    with transaction(tenant()) as session:
        present = program_by_slug(session, program)
    return _told(present.tiers), 200, {"ETag": etag(present.version)}


@tiers.route("/programs/<slug:program>/tiers", methods=["PUT"])
@allow("tiers.change")
@tiers.conditional()
@tiers.arguments(TiersSchema)
@tiers.response(200, TiersSchema)
def replace(wanted: dict[str, Any], program: str) -> object:
    """Replace the tiers; who has reached a higher one rises with their next award."""
    asked = [TierSetting(**one) for one in wanted["tiers"]]
    with transaction(tenant()) as session:
        present = at_rest(session, program, lock=True)
        if_match(present.version)
        ordered = set_free_tiers(session, present, asked, acting(now(session)))
    return _told(ordered), 200, {"ETag": etag(present.version + 1)}


@tiers.route("/programs/<slug:program>/members/<member:member_id>/tier", methods=["POST"])
@allow("tiers.assign")
@tiers.keyed(required=False)
@tiers.arguments(AssignedTierSchema)
@tiers.response(200, MemberSchema)
def assign(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Put a member on a tier; until `until` nothing lowers it, then the policy decides."""
    with transaction(tenant()) as session:
        book, at = program_by_slug(session, program), now(session)

        def act() -> dict[str, Any]:
            assign_tier(
                session,
                book,
                member_id,
                wanted["tier"],
                wanted["until"],
                reason=wanted["reason"],
                by=acting(at),
            )
            return shown_member(member_answer(session, book, member_id, at))

        return once(session, wanted, act, at=at, status=200, required=False)


def _told(ordered: Sequence[TierSetting]) -> dict[str, Any]:
    return {"tiers": [asdict(tier) for tier in ordered]}
