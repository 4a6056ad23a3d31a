"""Redemptions: points are spent or set aside, in the request itself, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.clock import now
from loyalty.errors import NotFound
from loyalty.people import redemptions as spent
from loyalty.programs.cache import recent_program
from loyalty.redemption.cancel import cancel
from loyalty.redemption.capture import capture
from loyalty.redemption.deliver import deliver, ship
from loyalty.redemption.release import release
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.body import load_query
from loyalty.web.database_errors import again_after_deadlock
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.once import once, required_key, respond
from loyalty.web.redemption_schema import (
    CancelSchema,
    CaptureSchema,
    DryRunSchema,
    NothingSchema,
    RedeemedSchema,
    RedeemSchema,
    RedemptionSchema,
    ShipSchema,
    TriedRedemptionSchema,
    shown_spent,
    shown_tried,
)
from loyalty.web.resource import Resource
from loyalty.web.spend import spend, try_to_spend

redemptions = Resource(
    "redemptions", description="Points are spent or held: by points, by amount, for a reward."
)
_REDEEM = RedeemSchema()
_QUERY = DryRunSchema()
_AS_IT_IS: dict[str, Any] = {"dry_run": False}
_DRY_RUN = {
    "in": "query",
    "name": "dry_run",
    "description": "Tells what would come of it, and writes nothing.",
    "schema": {"type": "boolean"},
}
_NOW = {
    "in": "query",
    "name": "now",
    "description": "At which instant a dry run is made.",
    "schema": {"type": "string", "format": "date-time"},
}


@redemptions.route(
    "/programs/<slug:program>/members/<member:member_id>/redemptions", methods=["POST"]
)
@allow("redemptions.create")
@redemptions.keyed(required=True)
@redemptions.doc(parameters=[_DRY_RUN, _NOW])
# The schema is made once: making it costs as much as reading with it.
@redemptions.arguments(_REDEEM, example={"points": 10})
@redemptions.response(201, RedeemedSchema)
@redemptions.alt_response(200, schema=TriedRedemptionSchema, description="A dry run")
def create(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Spend points, or hold them. 409 says why not: `insufficient_points`, `not_active`, and of
    a reward `not_eligible`, `out_of_stock`, `voucher_gone`."""
    key = required_key()
    query = load_query(_QUERY) if request.query_string else _AS_IT_IS
    if query["dry_run"]:
        return json_answer(shown_tried(try_to_spend(program, member_id, wanted, query["now"])))
    return respond(spend(program, member_id, wanted, key))


@redemptions.route(
    "/programs/<slug:program>/members/<member:member_id>/redemptions", methods=["GET"]
)
@allow("redemptions.read")
@redemptions.arguments(ListById, location="query")
@redemptions.response(200, page_schema(RedemptionSchema))
def browse(asked: dict[str, Any], program: str, member_id: str) -> Response:
    """List what a member has spent or set aside, newest first."""
    limit, before = asked["limit"], asked["after"]
    with transaction(tenant()) as session:
        book, at = recent_program(session, program), now(session)
        found = spent.redemptions(session, book, member_id, at, before=before, limit=limit + 1)
    told_page, status, headers = page(found, limit, lambda one: one.id)
    shown = [shown_spent(one) for one in told_page["data"]]
    return json_answer({**told_page, "data": shown}, status, headers)


@redemptions.route("/redemptions/<id:redemption_id>", methods=["GET"])
@allow("redemptions.read")
@redemptions.response(200, RedemptionSchema)
def read(redemption_id: UUID) -> Response:
    """Tell a redemption."""
    with transaction(tenant()) as session:
        found, _ = spent.redemption(session, redemption_id, now(session))
    if not principal().speaks_for(found.member_id):
        raise NotFound(f"There is no redemption {redemption_id}.")
    return json_answer(shown_spent(found))


@redemptions.route("/redemptions/<id:redemption_id>/capture", methods=["POST"])
@allow("redemptions.change")
@redemptions.keyed(required=True)
@redemptions.arguments(CaptureSchema)
@redemptions.response(200, RedeemedSchema)
@again_after_deadlock
def capture_hold(wanted: dict[str, Any], redemption_id: UUID) -> Response:
    """Spend what is held, or a part of it; the rest is released. A voucher is told now."""
    points = wanted.get("points")
    return _goes_on(
        redemption_id, wanted, lambda session, by: capture(session, redemption_id, points, by)
    )


@redemptions.route("/redemptions/<id:redemption_id>/release", methods=["POST"])
@allow("redemptions.change")
@redemptions.keyed(required=True)
@redemptions.arguments(NothingSchema)
@redemptions.response(200, RedeemedSchema)
@again_after_deadlock
def release_hold(wanted: dict[str, Any], redemption_id: UUID) -> Response:
    """Set free what is held: points return to their lots, and expire with them."""
    return _goes_on(redemption_id, wanted, lambda session, by: release(session, redemption_id, by))


@redemptions.route("/redemptions/<id:redemption_id>/cancel", methods=["POST"])
@allow("redemptions.change")
@redemptions.keyed(required=True)
@redemptions.arguments(CancelSchema)
@redemptions.response(200, RedeemedSchema)
@again_after_deadlock
def cancel_spent(wanted: dict[str, Any], redemption_id: UUID) -> Response:
    """Give back what was spent, or a part of it, to the very lots; a voucher becomes void."""
    points, reason = wanted.get("points"), wanted["reason"]
    return _goes_on(
        redemption_id,
        wanted,
        lambda session, by: cancel(session, redemption_id, points, reason, by),
    )


@redemptions.route("/redemptions/<id:redemption_id>/ship", methods=["POST"])
@allow("redemptions.change")
@redemptions.keyed(required=True)
@redemptions.arguments(ShipSchema)
@redemptions.response(200, RedeemedSchema)
@again_after_deadlock
def ship_goods(wanted: dict[str, Any], redemption_id: UUID) -> Response:
    """Say that ordered goods are on their way."""
    tracking = wanted["tracking"]
    return _goes_on(
        redemption_id, wanted, lambda session, by: ship(session, redemption_id, tracking, by)
    )


@redemptions.route("/redemptions/<id:redemption_id>/deliver", methods=["POST"])
@allow("redemptions.change")
@redemptions.keyed(required=True)
@redemptions.arguments(NothingSchema)
@redemptions.response(200, RedeemedSchema)
@again_after_deadlock
def deliver_goods(wanted: dict[str, Any], redemption_id: UUID) -> Response:
    """Say that shipped goods have arrived."""
    return _goes_on(redemption_id, wanted, lambda session, by: deliver(session, redemption_id, by))


def _goes_on(
    redemption_id: UUID, wanted: dict[str, Any], act: Callable[[Session, By], None]
) -> Response:
    with transaction(tenant()) as session:
        by = acting(now(session))

        def acted() -> dict[str, Any]:
            act(session, by)
            return shown_spent(*spent.redemption(session, redemption_id, by.at))

        return once(session, wanted, acted, at=by.at, status=200)
