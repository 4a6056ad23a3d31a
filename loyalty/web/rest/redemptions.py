"""Redemptions: points are spent or set aside, in the request itself, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.clock import now
from loyalty.db import InSession
from loyalty.errors import NotFound, Problem
from loyalty.idempotency.once import Answer
from loyalty.logs import request_id
from loyalty.people import redemptions as spent
from loyalty.programs.cache import cached_program, recent_program
from loyalty.programs.queries import Program
from loyalty.redemption.burn import Key
from loyalty.redemption.cancel import cancel
from loyalty.redemption.capture import capture
from loyalty.redemption.deliver import deliver, ship
from loyalty.redemption.redeem import HoldsLapse, Redeem, Redeemed, redeem
from loyalty.redemption.redeem_reward import RedeemReward, redeem_reward
from loyalty.redemption.release import lapse_due, release
from loyalty.transaction import brief, present, transaction, undone
from loyalty.web.answers import json_answer
from loyalty.web.auth import allow, operation, principal, tenant
from loyalty.web.body import load_query
from loyalty.web.database_errors import again_after_deadlock
from loyalty.web.limits import limit_burns
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.measure import timed_burn
from loyalty.web.once import hash_of, once, refused, required_key, respond, told
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
    shown_made,
    shown_spent,
    shown_tried,
)
from loyalty.web.resource import Resource

redemptions = Resource(
    "redemptions", description="Points are spent or held: by points, by amount, for a reward."
)
_REDEEM = RedeemSchema()
_QUERY = DryRunSchema()
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

Tell = Callable[[Redeemed | Problem], Answer]


@redemptions.route(
    "/programs/<slug:program>/members/<member:member_id>/redemptions", methods=["POST"]
)
@allow("redemptions.create")
@redemptions.keyed(required=True)
@redemptions.doc(parameters=[_DRY_RUN, _NOW])
@redemptions.arguments(_REDEEM)  # made once: making it costs as much as reading with it
@redemptions.response(201, RedeemedSchema)
@redemptions.alt_response(200, schema=TriedRedemptionSchema, description="A dry run")
@again_after_deadlock
@timed_burn
def create(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Spend points, or hold them. 409 says why not: `insufficient_points`, `not_active`, and of
    a reward `not_eligible`, `out_of_stock`, `voucher_gone`."""
    who = principal()
    book = cached_program(who.tenant_id, program, transaction)
    settings = book.settings
    limit_burns(
        who, book.id, member_id, settings.burns_per_minute, servers=settings.limit_burns_of_servers
    )
    under = Key(operation(), required_key(), hash_of(wanted))
    at = present(who.tenant_id)
    if request.query_string:
        query = load_query(_QUERY)
        if query["dry_run"]:
            return _tried(book, member_id, wanted, under, query["now"] or at)

    def tell(made: Redeemed | Problem) -> Answer:
        if isinstance(made, Problem):
            return refused(made)
        return told(201, shown_made(made, program, member_id))

    if "reward" in wanted:
        with transaction(who.tenant_id) as session:
            return respond(_in_session(session, book, member_id, wanted, under, tell, at))
    order = _order(wanted)
    try:
        return respond(_at_once(book, member_id, order, under, tell, at))
    except HoldsLapse as due:
        with transaction(who.tenant_id) as session:
            lapse_due(session, [due.account_id], at)
        return respond(_at_once(book, member_id, order, under, tell, at))


def _at_once(
    book: Program, member_id: str, order: Redeem, under: Key, tell: Tell, at: datetime
) -> Answer:
    """Points or an amount, in two round trips."""
    who = principal()
    with brief(who.tenant_id) as statements:
        return redeem(
            statements,
            book,
            member_id,
            order,
            under=under,
            tell=tell,
            by=By(who.actor, request_id.get(), at),
        )


def _in_session(
    session: Session,
    book: Program,
    member_id: str,
    wanted: dict[str, Any],
    under: Key,
    tell: Tell,
    at: datetime,
) -> Answer:
    """Whatever is wanted; holds whose time is over lapse first."""
    by = By(principal().actor, request_id.get(), at)
    if "reward" in wanted:
        reward = RedeemReward(wanted["reward"], _hold_s(wanted))
        act = partial(redeem_reward, session, book, member_id, reward)
    else:
        act = partial(redeem, InSession(session), book, member_id, _order(wanted))
    try:
        return act(under=under, tell=tell, by=by)
    except HoldsLapse as due:
        lapse_due(session, [due.account_id], at)
        return act(under=under, tell=tell, by=by)


def _tried(
    book: Program, member_id: str, wanted: dict[str, Any], under: Key, at: datetime
) -> Response:
    """The act itself, taken back: what it says is what it would do."""
    outcome: list[Redeemed | Problem] = []

    def tell(made: Redeemed | Problem) -> Answer:
        outcome.append(made)
        return Answer(200, "")

    with undone(tenant()) as session:
        _in_session(session, book, member_id, wanted, under, tell, at)
    [made] = outcome
    if isinstance(made, Problem):
        raise made
    return json_answer(shown_tried(made))


def _order(wanted: dict[str, Any]) -> Redeem:
    return Redeem(wanted.get("points"), wanted.get("amount"), _hold_s(wanted))


def _hold_s(wanted: dict[str, Any]) -> int | None:
    return wanted["hold"]["expires_in_s"] if "hold" in wanted else None


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
        by = By(principal().actor, request_id.get(), now(session))

        def acted() -> dict[str, Any]:
            act(session, by)
            return shown_spent(*spent.redemption(session, redemption_id, by.at))

        return once(session, wanted, acted, at=by.at, status=200)
