"""Adjustments: a person gives or takes points, and says why."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.care.adjust import Adjust, Adjusted, adjust
from loyalty.clock import now
from loyalty.logs import request_id
from loyalty.programs.cache import recent_program
from loyalty.tenants.roles import Role
from loyalty.transaction import transaction
from loyalty.web.auth import allow, principal
from loyalty.web.fields import (
    Id,
    Instant,
    Integer,
    Part,
    Points,
    Schema,
    Text,
    instant_text,
    refuse,
)
from loyalty.web.member_schema import BalanceSchema, shown_balance
from loyalty.web.once import once
from loyalty.web.resource import Resource

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


@adjustments.route(
    "/programs/<slug:program>/members/<member:member_id>/adjustments", methods=["POST"]
)
@allow("adjustments.create")
@adjustments.keyed(required=True)
@adjustments.arguments(AdjustSchema)
@adjustments.response(201, AdjustedSchema)
def create(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Give or take points. Support may do so up to the program's support_adjusts_up_to."""
    who = principal()
    with transaction(who.tenant_id) as session:
        book, at = recent_program(session, program), now(session)
        support = who.role is Role.SUPPORT

        def act() -> dict[str, Any]:
            made = adjust(
                session,
                book,
                member_id,
                Adjust(**wanted),
                at_most=book.settings.support_adjusts_up_to if support else None,
                actor=who.actor,
                request_id=request_id.get(),
                at=at,
            )
            return _shown(made)

        return once(session, wanted, act, at=at)


def _shown(made: Adjusted) -> dict[str, Any]:
    return {
        "id": str(made.id),
        "points": made.points,
        "reason": made.reason,
        "occurred_at": instant_text(made.occurred_at),
        "balance": shown_balance(made.balance),
    }
