"""Adjustments: a person gives or takes points, and says why; above a limit a second must agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from flask import Response

from loyalty.care import queries
from loyalty.care.adjust import Adjust, Adjusted, adjust
from loyalty.care.queries import Request, read_request
from loyalty.care.request_adjustment import decide, request_adjustment
from loyalty.care.rules import alone_up_to, needs_a_second
from loyalty.clock import now
from loyalty.programs.queries import program_by_slug
from loyalty.programs.settings import ProgramSettings
from loyalty.tenants.roles import Role
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import (
    Choice,
    Id,
    Instant,
    Integer,
    MemberId,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    instant_text,
    refuse,
)
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.member_schema import BalanceSchema, shown_balance
from loyalty.web.once import once
from loyalty.web.program_schema import ReasonSchema
from loyalty.web.resource import Resource

_STATUSES = ("requested", "approved", "rejected", "expired")

adjustments = Resource("adjustments", description="Points given or taken by a person.")


def _not_nothing(points: int) -> None:
    if points == 0:
        raise refuse("zero", "Points above zero are given, below zero taken.")


class AdjustSchema(Schema):
    """`points` above zero are given and count for the tier, below zero they are taken."""

    points = Integer(least=-Points().most, most=Points().most, required=True, validate=_not_nothing)
    reason = Text(most=500, required=True)


class AdjustedSchema(Schema):
    """What was done, and the balance after it."""

    id = Id(required=True)
    points = Integer(least=-Points().most, most=Points().most, required=True)
    reason = Text(required=True, most=500)
    occurred_at = Instant(required=True)
    balance = Part(BalanceSchema, required=True)


class RequestSchema(Schema):
    """An adjustment that a second person is to approve until `expires_at`; then it has its id."""

    id = Id(required=True)
    program = Slug(required=True)
    member_id = MemberId(required=True)
    points = Integer(least=-Points().most, most=Points().most, required=True)
    reason = Text(required=True, most=500)
    status = Choice(_STATUSES, required=True)
    requested_by = Text(required=True, most=300)
    requested_at = Instant(required=True)
    expires_at = Instant(required=True)
    decided_by = Text(required=True, allow_none=True, most=300)
    decided_at = Instant(required=True, allow_none=True)
    decision_reason = Text(required=True, allow_none=True, most=500)


class ApproveSchema(Schema):
    """Why, if there is something to say."""

    reason = Text(most=500, load_default=None, allow_none=True)


class RequestListArgs(ListById):
    """The filter of the list."""

    status = Choice(_STATUSES)


_REQUEST = RequestSchema()


@adjustments.route(
    "/programs/<slug:program>/members/<member:member_id>/adjustments", methods=["POST"]
)
@allow("adjustments.create")
@adjustments.keyed(required=True)
@adjustments.arguments(AdjustSchema, example={"points": 100, "reason": "a late delivery"})
@adjustments.response(201, AdjustedSchema)
@adjustments.alt_response(202, schema=RequestSchema, description="A second person is to approve")
def create(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Give or take points; above what your role may do alone, ask a second person to approve."""
    who = principal()
    with transaction(who.tenant_id) as session:
        book, at = program_by_slug(session, program), now(session)
        asks = needs_a_second(wanted["points"], _alone_up_to(who.role, book.settings))

        def act() -> Mapping[str, Any]:
            verb = request_adjustment if asks else adjust
            order = Adjust(**wanted)
            made = verb(session, book, member_id, order, by=acting(at))
            return shown_adjusted(made) if isinstance(made, Adjusted) else shown_request(made)

        return once(session, wanted, act, at=at, status=202 if asks else 201)


def _alone_up_to(role: Role, settings: ProgramSettings) -> int | None:
    return alone_up_to(role, settings.support_adjusts_up_to, settings.approval.admin_adjusts_up_to)


@adjustments.route("/programs/<slug:program>/adjustment-requests", methods=["GET"])
@allow("adjustments.read")
@adjustments.arguments(RequestListArgs, location="query")
@adjustments.response(200, page_schema(RequestSchema))
def browse(asked: dict[str, Any], program: str) -> object:
    """List what was asked for, newest first."""
    limit, status = asked["limit"], asked.get("status")
    with transaction(tenant()) as session:
        book, at = program_by_slug(session, program), now(session)
        found = queries.requests(
            session, book, at, status=status, before=asked["after"], limit=limit + 1
        )
    return page(found, limit, lambda one: one.id)


@adjustments.route("/adjustment-requests/<id:asked_id>", methods=["GET"])
@allow("adjustments.read")
@adjustments.response(200, RequestSchema)
def read(asked_id: UUID) -> Request:
    """Tell what was asked for, and what was decided."""
    with transaction(tenant()) as session:
        found, _ = read_request(session, asked_id, now(session))
    return found


@adjustments.route("/adjustment-requests/<id:asked_id>/approve", methods=["POST"])
@allow("adjustments.approve")
@adjustments.keyed(required=True)
@adjustments.arguments(ApproveSchema)
@adjustments.response(200, RequestSchema)
def approve(wanted: dict[str, Any], asked_id: UUID) -> Response:
    """Approve what another person has asked for: the points move now."""
    return _decide(asked_id, "approved", wanted["reason"])


@adjustments.route("/adjustment-requests/<id:asked_id>/reject", methods=["POST"])
@allow("adjustments.approve")
@adjustments.keyed(required=True)
@adjustments.arguments(ReasonSchema)
@adjustments.response(200, RequestSchema)
def reject(wanted: dict[str, Any], asked_id: UUID) -> Response:
    """Reject what another person has asked for."""
    return _decide(asked_id, "rejected", wanted["reason"])


def _decide(
    asked_id: UUID, verdict: Literal["approved", "rejected"], reason: str | None
) -> Response:
    who = principal()
    with transaction(who.tenant_id) as session:
        at = now(session)

        def act() -> Mapping[str, Any]:
            decided = decide(
                session, asked_id, verdict, reason=reason, person=who.person, by=acting(at)
            )
            return shown_request(decided)

        return once(session, [verdict, reason], act, at=at, status=200)


def shown_request(asked: Request) -> Mapping[str, Any]:
    """What was asked for, as RequestSchema says."""
    shown: dict[str, Any] = _REQUEST.dump(asked)
    return shown


def shown_adjusted(made: Adjusted) -> dict[str, Any]:
    """What was done, as AdjustedSchema says."""
    return {
        "id": str(made.id),
        "points": made.points,
        "reason": made.reason,
        "occurred_at": instant_text(made.occurred_at),
        "balance": shown_balance(made.balance),
    }
