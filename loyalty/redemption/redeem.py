"""A burn: points are spent, in the request itself, under the account's lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from loyalty.audit.by import By
from loyalty.db import Statements
from loyalty.errors import Conflict, FieldError, Invalid, Problem
from loyalty.idempotency.once import Answer
from loyalty.ids import uuid7
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import NotActive
from loyalty.programs.queries import Program
from loyalty.redemption.burn import (
    Asked,
    Closing,
    InOtherHands,
    Key,
    Opened,
    open_burn,
    open_together,
)
from loyalty.redemption.rules import NotOffered, Price, Terms, price_of_amount, price_of_points
from loyalty.rewards.vouchers import Voucher


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
    """What is to be spent: either `points`, or an `amount` of the program's currency.

    With `hold_s` they are set aside for so many seconds, to be captured or released.
    """

    points: int | None = None
    amount: Decimal | None = None
    hold_s: int | None = None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A burn that was made: `points`, worth `amount` in `currency`, and the balance after it.

    Of a reward: its key, the `money` to be paid besides, and the voucher unless it is held.
    """

    id: UUID
    status: str
    points: int
    amount: Decimal | None
    currency: str
    hold_expires_at: datetime | None
    occurred_at: datetime
    balance: Balance
    reward: str | None = None
    money: Decimal | None = None
    voucher: Voucher | None = None
    fulfilment: str | None = None


class HoldsLapse(Exception):
    """The time of one of the account's holds is over: let them lapse first, then burn."""

    def __init__(self, account_id: int) -> None:
        super().__init__(f"holds of account {account_id} lapse first")
        self.account_id = account_id


@dataclass(frozen=True, slots=True)
class Burn:
    """One order of a member. `tell` renders what was done, or the business refusal; that answer is
    stored with the burn."""

    program: Program
    member_id: str
    order: Redeem
    under: Key
    tell: Callable[[Redeemed | Problem], Answer]
    by: By


def redeem(statements: Statements, burn: Burn) -> Answer:
    """Takes available points, those that expire soonest first, then the oldest; once per key.

    Reads in one statement and writes in one: the account is locked late and briefly.
    Raises BelowMinimum, AboveMaximum, NotAStep, NotEnrolled, HoldsLapse, and what idempotency
    raises.
    """
    price, closing = _price(burn), Closing()
    answer = _decide(burn, price, open_burn(statements, _asked(burn, price)), closing)
    closing.write(statements)
    return answer


def redeem_together(
    statements: Statements, burns: Sequence[Burn]
) -> list[Answer | Problem | HoldsLapse | InOtherHands]:
    """What `redeem` returns or raises of each, in their order, as one act that waits for nobody.

    InOtherHands: nothing was done, and it is to be redeemed by itself.
    """
    prices = [_price(burn) for burn in burns]
    opened = open_together(statements, list(map(_asked, burns, prices)))
    closing = Closing()
    outcomes: list[Answer | Problem | HoldsLapse | InOtherHands] = []
    for burn, price, found in zip(burns, prices, opened, strict=True):
        if isinstance(found, (Problem, InOtherHands)):
            outcomes.append(found)
            continue
        try:
            outcomes.append(_decide(burn, price, found, closing))
        except (Problem, HoldsLapse) as refused:
            outcomes.append(refused)
    closing.write(statements)
    return outcomes


def _asked(burn: Burn, price: Price | Invalid) -> Asked:
    wanted = price.points if isinstance(price, Price) else 0
    return Asked(burn.under, burn.program.id, burn.member_id, wanted, burn.by.at)


def _decide(
    burn: Burn, price: Price | Invalid, opened: Opened | Answer, closing: Closing
) -> Answer:
    if isinstance(opened, Answer):
        return opened  # told before anything else is decided: the burn rule may have changed since
    if not isinstance(price, Price):
        raise price
    at = burn.by.at
    try:
        made = _take(opened, price, burn.order.hold_s, burn.program.currency, at)
    except Conflict as refusal:
        answer = burn.tell(refusal)
        closing.refuse(burn.under, answer, at)
        return answer
    answer = burn.tell(made)
    closing.add(burn.under, answer, at, opened.account, row_of(made, opened, burn.by))
    return answer


def _take(
    opened: Opened, price: Price, hold_s: int | None, currency: str, at: datetime
) -> Redeemed:
    check_active(opened)
    redemption = uuid7()
    take_points(opened, price.points, redemption, held=hold_s is not None, at=at)
    return Redeemed(
        redemption,
        "redeemed" if hold_s is None else "held",
        price.points,
        price.amount,
        currency,
        hold_until(hold_s, at),
        at,
        opened.account.balance,
    )


def check_active(opened: Opened) -> None:
    """Raises NotActive, HoldsLapse."""
    if opened.status != "active":
        raise NotActive(opened.status)
    if opened.lapsing:
        raise HoldsLapse(opened.account.id)


def take_points(opened: Opened, points: int, redemption: UUID, *, held: bool, at: datetime) -> None:
    """Does what is due of the account, then takes points for a redemption, or holds them.

    Raises InsufficientPoints.
    """
    lots = opened.account.pass_time(opened.lots, at)
    opened.account.take(
        Kind.HOLD if held else Kind.REDEEM,
        Bucket.HELD if held else Bucket.REDEEMED,
        points,
        lots,
        cause_id=redemption,
        occurred_at=at,
        at=at,
    )


def hold_until(hold_s: int | None, at: datetime) -> datetime | None:
    """Until when a hold of so many seconds lasts; None: it is no hold."""
    return None if hold_s is None else at + timedelta(seconds=hold_s)


def row_of(made: Redeemed, opened: Opened, by: By) -> dict[str, Any]:
    """What is written of a burn."""
    return {
        "id": made.id,
        "program_id": opened.account.program_id,
        "account_id": opened.account.id,
        "status": made.status,
        "points": made.points,
        "amount": None if made.amount is None else str(made.amount),
        "currency": made.currency,
        "entry_version": opened.account.version,
        "hold_expires_at": made.hold_expires_at,
        "actor": by.actor,
        "request_id": by.request_id,
    }


def _price(burn: Burn) -> Price | Invalid:
    order, rule = burn.order, burn.program.settings.burn
    terms = Terms(rule.points, rule.worth, rule.min_points, rule.max_points, rule.step)
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
