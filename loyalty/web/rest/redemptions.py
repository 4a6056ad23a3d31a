"""Redemptions: points are spent, in the request itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import validates_schema

from loyalty.errors import NotFound, Problem
from loyalty.idempotency.once import Answer
from loyalty.logs import request_id
from loyalty.people import redemptions as spent
from loyalty.programs.cache import cached_program, recent_program
from loyalty.redemption.burn import Key
from loyalty.redemption.redeem import Redeem, Redeemed, redeem
from loyalty.transaction import brief, present, transaction
from loyalty.web.auth import allow, operation, principal, tenant
from loyalty.web.database_errors import again_after_deadlock
from loyalty.web.fields import (
    Choice,
    Currency,
    Id,
    Instant,
    MemberId,
    Money,
    Part,
    Points,
    Schema,
    Slug,
    instant_text,
    money_text,
    refuse,
)
from loyalty.web.limits import limit_burns
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.measure import timed_burn
from loyalty.web.member_schema import BalanceSchema, shown_balance
from loyalty.web.once import hash_of, refused, required_key, respond, told
from loyalty.web.program_schema import LEAST_MONEY
from loyalty.web.resource import Resource

_STATUSES = ("redeemed",)

redemptions = Resource("redemptions", description="Points are spent, by points or by amount.")


class RedeemSchema(Schema):
    """What is to be spent: `points`, or an `amount` of the program's currency."""

    points = Points(least=1)
    amount = Money(least=LEAST_MONEY)

    @validates_schema(skip_on_field_errors=True)
    def _one_of_two(self, values: dict[str, Any], **_: Any) -> None:
        if len(values) != 1:
            raise refuse("one_of_two", "Exactly one of points and amount is needed.", "points")


_REDEEM = RedeemSchema()


class RedemptionSchema(Schema):
    """A redemption: `points`, worth `amount` in `currency`."""

    id = Id(required=True)
    program = Slug(required=True)
    member_id = MemberId(required=True)
    status = Choice(_STATUSES, required=True)
    points = Points(required=True)
    amount = Money(required=True, allow_none=True)
    currency = Currency(required=True, allow_none=True)
    occurred_at = Instant(required=True)


class RedeemedSchema(RedemptionSchema):
    """A redemption that was made just now, and the balance after it."""

    balance = Part(BalanceSchema, required=True)


@redemptions.route(
    "/programs/<slug:program>/members/<member:member_id>/redemptions", methods=["POST"]
)
@allow("redemptions.create")
@redemptions.keyed(required=True)
@redemptions.arguments(_REDEEM)  # made once: making it costs as much as reading with it
@redemptions.response(201, RedeemedSchema)
@again_after_deadlock
@timed_burn
def create(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Spend points. 409 says why not: `insufficient_points`, `not_active`."""
    who = principal()
    book = cached_program(who.tenant_id, program, transaction)
    settings = book.settings
    limit_burns(
        who, book.id, member_id, settings.burns_per_minute, servers=settings.limit_burns_of_servers
    )
    under = Key(operation(), required_key(), hash_of(wanted))

    def tell(made: Redeemed | Problem) -> Answer:
        return (
            refused(made)
            if isinstance(made, Problem)
            else told(201, _shown(made, program, member_id))
        )

    at = present(who.tenant_id)
    with brief(who.tenant_id) as statements:
        answer = redeem(
            statements,
            book,
            member_id,
            Redeem(**wanted),
            under=under,
            tell=tell,
            actor=who.actor,
            request_id=request_id.get(),
            at=at,
        )
    return respond(answer)


def _shown(made: Redeemed, program: str, member_id: str) -> dict[str, Any]:
    return {
        "id": str(made.id),
        "program": program,
        "member_id": member_id,
        "status": made.status,
        "points": made.points,
        "amount": money_text(made.amount),
        "currency": made.currency,
        "occurred_at": instant_text(made.occurred_at),
        "balance": shown_balance(made.balance),
    }


@redemptions.route(
    "/programs/<slug:program>/members/<member:member_id>/redemptions", methods=["GET"]
)
@allow("redemptions.read")
@redemptions.arguments(ListById, location="query")
@redemptions.response(200, page_schema(RedemptionSchema))
def browse(asked: dict[str, Any], program: str, member_id: str) -> object:
    """List what a member has spent, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        found = spent.redemptions(session, book, member_id, before=asked["after"], limit=limit + 1)
    return page(found, limit, lambda one: one.id)


@redemptions.route("/redemptions/<id:redemption_id>", methods=["GET"])
@allow("redemptions.read")
@redemptions.response(200, RedemptionSchema)
def read(redemption_id: UUID) -> spent.Spent:
    """Tell a redemption."""
    with transaction(tenant()) as session:
        told = spent.redemption(session, redemption_id)
    if not principal().speaks_for(told.member_id):
        raise NotFound(f"There is no redemption {redemption_id}.")
    return told
