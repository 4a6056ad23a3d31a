"""A burn: points are spent, in the request itself, under the account's lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.errors import FieldError, Invalid
from loyalty.ids import uuid7
from loyalty.ledger.post import open_lots, post
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import NotActive, lock_membership
from loyalty.programs.queries import Program
from loyalty.redemption.models import RedemptionRow
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
    "not_a_step": (NotAStep, "Points are spent in steps of {limit}; {points} is none."),
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
    actor: str,
    request_id: str | None,
    at: datetime,
) -> Redeemed:
    """Takes available points, those that expire soonest first, then the oldest.

    Raises BelowMinimum, AboveMaximum, NotAStep, NotEnrolled, NotActive, InsufficientPoints.
    """
    price = _price(program, order)
    membership, account = lock_membership(session, program.id, member_id)
    if membership.status != "active":
        raise NotActive(membership.status)
    redemption = uuid7()
    account.take(
        Kind.REDEEM,
        Bucket.REDEEMED,
        price.points,
        open_lots(session, account.id, price.points, at),
        cause_id=redemption,
        occurred_at=at,
        at=at,
    )
    session.execute(
        insert(RedemptionRow).values(
            tenant_id=session.info["tenant_id"],
            id=redemption,
            program_id=program.id,
            account_id=account.id,
            status=Redeemed.status,
            points=price.points,
            amount=price.amount,
            currency=program.currency,
            entry_version=account.version,
            actor=actor,
            request_id=request_id,
            occurred_at=at,
        )
    )
    post(session, [account], at)
    return Redeemed(redemption, price.points, price.amount, program.currency, at, account.balance)


def _price(program: Program, order: Redeem) -> Price:
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
        raise problem(detail, errors=[FieldError(pointer, problem.code, detail)]) from None
    raise ValueError("neither points nor an amount")
