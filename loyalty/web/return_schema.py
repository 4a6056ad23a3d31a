"""How a return comes in, and how it and what became of it are told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import validates_schema

from loyalty.earning.give_back.explain import explain
from loyalty.earning.give_back.queries import Told
from loyalty.web.earn_schema import MOST_ITEMS
from loyalty.web.fields import (
    Choice,
    Flag,
    Id,
    Instant,
    Integer,
    ListOf,
    MemberId,
    Money,
    Part,
    Points,
    Schema,
    Source,
    Text,
    instant_text,
    money_text,
    refuse,
)
from loyalty.web.program_schema import LEAST_MONEY

RETURN_STATUSES = ("accepted", "waiting", "settled", "refused", "failed")


class ReturnLineSchema(Schema):
    """A line of the purchase, and how much of it comes back."""

    line_id = Text(most=100, required=True)
    quantity = Money(
        least=LEAST_MONEY,
        load_default=Decimal(1),
        metadata={"description": "As the purchase counted it: pieces, or kilograms."},
    )


class EarnReturnSchema(Schema):
    """What comes back: `lines`, or an `amount` of the purchase's money; neither: all that is left.

    `return_id` is the till's own and unique for ever.
    """

    return_id = Text(most=200, required=True)
    lines = ListOf(Part(ReturnLineSchema), least=1, most=MOST_ITEMS)
    amount = Money(least=LEAST_MONEY)
    occurred_at = Instant(metadata={"description": "When left out: now."})

    @validates_schema(skip_on_field_errors=True)
    def _agrees(self, values: dict[str, Any], **_: Any) -> None:
        if "lines" in values and "amount" in values:
            raise refuse("one_of_two", "A return is of lines or of an amount.", "amount")
        names = [line["line_id"] for line in values.get("lines", ())]
        if len(set(names)) < len(names):
            raise refuse("not_unique", "Each line_id stands once.", "lines")


class ReturnSchema(EarnReturnSchema):
    """A return of the purchase that `source` posted as `transaction_id`, also before it comes."""

    source = Source(required=True)
    transaction_id = Text(most=200, required=True)


class LeftSchema(Schema):
    """What of the purchase could still be returned."""

    lines = ListOf(Part(ReturnLineSchema), most=MOST_ITEMS, required=True)
    amount = Money(required=True)


class PromotionGaveSchema(Schema):
    """Points of one promotion that went back; null: of no promotion, the house gave them."""

    promotion = Text(required=True, allow_none=True)
    version = Integer(required=True, allow_none=True)
    points = Points(required=True)


class TakenFromSchema(Schema):
    """From where points were taken: `own` are those that the purchase had made, `gone` had ended
    before, `let_be` stay with the member, as the program has decided."""

    pending = Points(load_default=0)
    own = Points(load_default=0)
    gone = Points(load_default=0)
    available = Points(load_default=0)
    owed = Points(load_default=0)
    let_be = Points(load_default=0)


class ReturnExplanationSchema(Schema):
    """What was taken back and from where, or why nothing."""

    sentence = Text(most=2000, required=True)
    given_back = ListOf(Part(PromotionGaveSchema), most=1000)
    taken_from = Part(TakenFromSchema)
    tier_points = Points()
    left = Part(LeftSchema)
    entries = ListOf(Text(), most=10)


class ReturnAnswerSchema(Schema):
    """A return and what became of it: accepted, waiting for its purchase, settled or refused."""

    id = Id(metadata={"description": "Absent in a dry run: nothing was written."})
    status = Choice(RETURN_STATUSES, required=True)
    program = Text()
    source = Text()
    transaction_id = Text()
    return_id = Text()
    earn_id = Id(allow_none=True, metadata={"description": "null: the purchase has not come."})
    member_id = MemberId(allow_none=True)
    lines = ListOf(Part(ReturnLineSchema), most=MOST_ITEMS, allow_none=True)
    amount = Money(allow_none=True)
    currency = Text(allow_none=True)
    occurred_at = Instant()
    recorded_at = Instant()
    settled_at = Instant(allow_none=True)
    points = Points(allow_none=True, metadata={"description": "Given back."})
    amount_back = Money(allow_none=True, metadata={"description": "The money that came back."})
    whole = Flag(metadata={"description": "Nothing of the purchase is left."})
    reason = Text(allow_none=True)
    detail = Text(allow_none=True, most=1000)
    explanation = Part(ReturnExplanationSchema, allow_none=True)


def shown_return(told: Told) -> dict[str, Any]:
    """The return as ReturnAnswerSchema says."""
    return {
        "id": str(told.id),
        "status": told.status,
        "program": told.program,
        "source": told.source,
        "transaction_id": told.transaction_id,
        "return_id": told.return_id,
        "earn_id": None if told.earn_id is None else str(told.earn_id),
        "member_id": told.whose,
        "lines": None if told.lines is None else _lines(dict(told.lines)),
        "amount": _money(told.amount),
        "currency": told.currency,
        "occurred_at": instant_text(told.occurred_at),
        "recorded_at": instant_text(told.recorded_at),
        "settled_at": instant_text(told.settled_at) if told.settled_at else None,
        "points": told.points,
        "amount_back": _money(told.amount_back),
        "whole": told.whole,
        "reason": told.reason,
        "detail": told.detail,
        "explanation": _explanation(told),
    }


def _explanation(told: Told) -> dict[str, Any] | None:
    why = explain(told)
    if why and "left" in why:
        left = why["left"]
        shown = {"lines": _lines(left["lines"]), "amount": money_text(Decimal(left["amount"]))}
        return {**why, "left": shown}
    return why


def _lines(quantities: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"line_id": line_id, "quantity": money_text(Decimal(quantity))}
        for line_id, quantity in quantities.items()
    ]


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else money_text(amount)
