"""A burn: points are spent, in the request itself, under the account's lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.errors import Conflict, FieldError, Invalid, Problem
from loyalty.idempotency.once import Answer
from loyalty.ids import uuid7
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import NotActive
from loyalty.programs.queries import Program
from loyalty.redemption.burn import Key, Opened, close_burn, open_burn, store_answer
from loyalty.redemption.rules import NotOffered, Price, Terms, price_of_amount, price_of_points


class BelowMinimum(Invalid):
    """422: fewer points than the program lets one spend at once."""

    code = "below_minimum"
    title = "Fewer points than can be spent at once"
    cure = "Spend at least the program's burn.min_points."


class AboveMaximum(Invalid):
    """422: more points than the program lets one spend at once."""

    code = "above_maximum"
    title = "More points than can be spent at once"
    cure = "Spend at most the program's burn.max_points."


class NotAStep(Invalid):
    """422: the program lets one spend points in steps only."""

    code = "not_a_step"
    title = "Points are spent in steps"
    cure = "Spend a multiple of the program's burn.step."


_PROBLEMS = {
    "below_minimum": (BelowMinimum, "At least {limit} points are spent at once, not {points}."),
    "above_maximum": (AboveMaximum, "At most {limit} points are spent at once, not {points}."),
    "not_a_step": (
        NotAStep,
        "Points are spent in steps of {limit}, and {points} is no multiple of it.",
    ),
}


@dataclass(frozen=True, slots=True)
class Redeem:
    """What is to be spent: either `points`, or an `amount` of the program's currency."""

    points: int | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A burn that was made: `points` of `amount` in `currency`, and the balance after it."""

    status: ClassVar[str] = "redeemed"
    id: UUID
    points: int
    amount: Decimal
    currency: str
    occurred_at: datetime
    balance: Balance


def redeem(
    session: Session,
    program: Program,
    member_id: str,
    order: Redeem,
    *,
    under: Key,
    tell: Callable[[Redeemed | Problem], Answer],
    actor: str,
    request_id: str | None,
    at: datetime,
) -> Answer:
    """Takes available points, those that expire soonest first, then the oldest; once per key.

    `tell` renders what was done, or the business refusal; that answer is stored with the burn.
    Reads in one statement and writes in one: the account is locked late and briefly.
    Raises BelowMinimum, AboveMaximum, NotAStep, NotEnrolled, and what idempotency raises.
    """
    price = _price(program, order)
    wanted = price.points if isinstance(price, Price) else 0
    opened = open_burn(session, under, program.id, member_id, wanted, at)
    if isinstance(opened, Answer):
        return opened  # told before anything else is decided: the burn rule may have changed since
    if not isinstance(price, Price):
        raise price
    try:
        made = _take(opened, price, program.currency, at)
    except Conflict as refusal:
        answer = tell(refusal)
        store_answer(session, under, answer)
        return answer
    answer = tell(made)
    row = {
        "id": made.id,
        "program_id": program.id,
        "account_id": opened.account.id,
        "status": made.status,
        "points": made.points,
        "amount": str(made.amount),
        "currency": made.currency,
        "entry_version": opened.account.version,
        "actor": actor,
        "request_id": request_id,
        "occurred_at": at,
    }
    close_burn(session, under, opened.account, row, answer, at)
    return answer


def _take(opened: Opened, price: Price, currency: str, at: datetime) -> Redeemed:
    if opened.status != "active":
        raise NotActive(opened.status)
    redemption = uuid7()
    opened.account.take(
        Kind.REDEEM,
        Bucket.REDEEMED,
        price.points,
        opened.lots,
        cause_id=redemption,
        occurred_at=at,
        at=at,
    )
    balance = opened.account.balance
    return Redeemed(redemption, price.points, price.amount, currency, at, balance)


def _price(program: Program, order: Redeem) -> Price | Invalid:
    burn = program.settings.burn
    terms = Terms(burn.points, burn.worth, burn.min_points, burn.max_points, burn.step)
    try:
        if order.points is not None:
            return price_of_points(terms, order.points)
        if order.amount is not None:
            return price_of_amount(terms, order.amount)
    except NotOffered as refused:
        problem, sentence = _PROBLEMS[refused.why]
        detail = sentence.format(limit=refused.limit, points=refused.points)
        pointer = "/points" if order.points is not None else "/amount"
        return problem(detail, errors=[FieldError(pointer, problem.code, detail)])
    raise ValueError("neither points nor an amount")
