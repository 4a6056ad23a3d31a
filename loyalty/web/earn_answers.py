"""How a purchase and what became of it are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from loyalty.earning.explain import explain
from loyalty.earning.queries import Told
from loyalty.web.fields import (
    Attributes,
    Choice,
    Id,
    Instant,
    Integer,
    ListOf,
    MemberId,
    Money,
    Part,
    Points,
    Schema,
    Text,
    instant_text,
    money_text,
)

STATUSES = (
    "accepted",
    "awarded",
    "partly_returned",
    "returned",
    "parked",
    "rejected",
    "failed",
)


class ShareSchema(Schema):
    """What one promotion gave, or why it gave nothing."""

    promotion = Text(required=True)
    version = Points(required=True)
    base = Text(required=True, metadata={"description": "Money that counted."})
    points = Points(required=True)
    remainder = Text(required=True, metadata={"description": "Of a point, rounded away."})
    multiplier = Text(metadata={"description": "`base` is the points that it multiplied."})
    would_be = Points(metadata={"description": "Before a limit, or a better promotion, cut it."})
    left = Points(metadata={"description": "What its limits had left for this purchase."})
    lines = Attributes(metadata={"description": "How many of the points each line earned."})
    why_not = Text()
    unmet = Text(metadata={"description": "The condition that did not hold."})
    sentence = Text(most=500, required=True)


class ExplanationSchema(Schema):
    """Why a purchase gave its points, or none."""

    sentence = Text(most=2000, required=True)
    given = ListOf(Part(ShareSchema), most=1000)
    member = Attributes(metadata={"description": "What the rules saw of the member."})
    entries = ListOf(Text(), most=10)


class EarnAnswerSchema(Schema):
    """A purchase and what became of it."""

    id = Id(metadata={"description": "Absent in a dry run: nothing was written."})
    status = Choice(STATUSES, required=True)
    program = Text()
    source = Text()
    transaction_id = Text()
    member_id = MemberId(allow_none=True)
    kind = Text()
    amount = Money(allow_none=True)
    currency = Text(allow_none=True)
    occurred_at = Instant()
    recorded_at = Instant()
    awarded_at = Instant(allow_none=True)
    points = Points(allow_none=True, metadata={"description": "Earned, also if returned since."})
    points_corrected = Integer(
        least=-Points().most,
        metadata={"description": "More, or fewer, since it was worked out again."},
    )
    points_returned = Points(metadata={"description": "Of the points, given back by returns."})
    reason = Text(allow_none=True)
    detail = Text(allow_none=True)
    park_ends_at = Instant(allow_none=True)
    explanation = Part(ExplanationSchema, allow_none=True)


def show(session: Session, purchases: Sequence[Told]) -> list[dict[str, Any]]:
    """The purchases as EarnAnswerSchema says, each with its why."""
    return [
        {
            "id": str(told.id),
            "status": told.status,
            "program": told.program,
            "source": told.source,
            "transaction_id": told.transaction_id,
            "member_id": told.whose,
            "kind": told.kind,
            "amount": None if told.amount is None else money_text(told.amount),
            "currency": told.currency,
            "occurred_at": instant_text(told.occurred_at),
            "recorded_at": instant_text(told.recorded_at),
            "awarded_at": instant_text(told.awarded_at) if told.awarded_at else None,
            "points": told.points,
            "points_corrected": told.corrected,
            "points_returned": told.returned,
            "reason": told.reason,
            "detail": told.detail,
            "park_ends_at": instant_text(told.until) if told.until else None,
            "explanation": why,
        }
        for told, why in zip(purchases, explain(session, purchases), strict=True)
    ]
