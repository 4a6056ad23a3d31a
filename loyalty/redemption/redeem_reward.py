"""Points buy a reward of the catalogue, at once or held: price, eligibility, stock, voucher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.conditions.tree import asked
from loyalty.db import InSession
from loyalty.errors import Conflict, Problem
from loyalty.idempotency.once import Answer
from loyalty.ids import uuid7
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program
from loyalty.redemption.burn import Asked, Closing, Key, Opened, open_burn
from loyalty.redemption.facts import facts_of
from loyalty.redemption.redeem import (
    Redeemed,
    check_active,
    hold_until,
    row_of,
    take_points,
)
from loyalty.rewards.models import RewardRow
from loyalty.rewards.queries import NoSuchReward, find_reward, uses
from loyalty.rewards.rules import read_offer, why_not
from loyalty.rewards.stock import low, take_one
from loyalty.rewards.vouchers import Voucher, take_voucher


class NotEligible(Conflict):
    """409: the reward is not for this member, not now, or not again."""

    code = "not_eligible"
    title = "The member cannot have this reward now"
    cure = "Read the reward: its window, its conditions, and its limits for each member."


@dataclass(frozen=True, slots=True)
class RedeemReward:
    """The reward of this key; with `hold_s` it is set aside for so many seconds."""

    key: str
    hold_s: int | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    """What of the reward's own was taken for a redemption."""

    took_stock: bool
    voucher: Voucher | None
    left: int | None


def redeem_reward(
    session: Session,
    program: Program,
    member_id: str,
    order: RedeemReward,
    *,
    under: Key,
    tell: Callable[[Redeemed | Problem], Answer],
    by: By,
) -> Answer:
    """Takes the reward's points, one of its stock and its voucher, all or nothing; once per key.

    A refusal has changed nothing when it is stored: what can refuse in the database comes last,
    and only one of stock and pool can. Raises NoSuchReward, NotEnrolled, HoldsLapse, and what
    idempotency raises.
    """
    statements, at = InSession(session), by.at
    held_until = hold_until(order.hold_s, at)
    reward = find_reward(session, program.id, order.key)
    points = reward.points if reward is not None else 0
    opened = open_burn(statements, Asked(under, program.id, member_id, points, at))
    if isinstance(opened, Answer):
        return opened
    if reward is None:
        raise NoSuchReward(order.key)
    redemption, closing = uuid7(), Closing()
    try:
        _check(session, program, reward, opened, at)
        take_points(opened, reward.points, redemption, held=held_until is not None, at=at)
        item = _take_item(session, reward, redemption, held_until, at)
    except Conflict as refusal:
        answer = tell(refusal)
        closing.refuse(under, answer, at)
        closing.write(statements)
        return answer
    made = _made(program, reward, opened, redemption, item, held_until, at)
    answer = tell(made)
    row = {
        **row_of(made, opened, by),
        "reward_id": reward.id,
        "money": None if reward.money is None else str(reward.money),
        "took_stock": item.took_stock,
        "fulfilment": made.fulfilment,
    }
    closing.add(under, answer, at, opened.account, row)
    closing.write(statements)
    emit(session, [_event(made, reward, member_id), *low(reward, item.left)], at)
    return answer


def _check(
    session: Session, program: Program, reward: RewardRow, opened: Opened, at: datetime
) -> None:
    check_active(opened)
    zone = ZoneInfo(program.time_zone)
    offer = read_offer(reward.starts_at, reward.ends_at, reward.eligible, reward.limits)
    asks = asked(offer.eligible) if offer.eligible is not None else ()
    member = facts_of(session, program, opened.membership_id, asks, at)
    used = uses(session, reward.id, opened.account.id, offer.limits, at, zone)
    refusal = why_not(offer, member, used, at, zone)
    if refusal is not None:
        raise NotEligible(refusal.sentence)


def _take_item(
    session: Session,
    reward: RewardRow,
    redemption: UUID,
    held_until: datetime | None,
    at: datetime,
) -> _Item:
    left = take_one(session, reward.id)
    voucher = take_voucher(session, reward, redemption, at=at, held_until=held_until)
    in_pool = None if voucher is None else voucher.left
    return _Item(left is not None, voucher, in_pool if left is None else left)


def _made(
    program: Program,
    reward: RewardRow,
    opened: Opened,
    redemption: UUID,
    item: _Item,
    held_until: datetime | None,
    at: datetime,
) -> Redeemed:
    held = held_until is not None
    return Redeemed(
        redemption,
        "held" if held else "redeemed",
        reward.points,
        reward.worth,
        program.currency,
        held_until,
        at,
        opened.account.balance,
        reward=reward.key,
        money=reward.money,
        voucher=None if held else item.voucher,  # nobody is told a code that may go back
        fulfilment="ordered" if reward.kind == "goods" and not held else None,
    )


def _event(made: Redeemed, reward: RewardRow, member_id: str) -> Event:
    data = {
        "redemption": str(made.id),
        "member_id": member_id,
        "reward": reward.key,
        "points": made.points,
    }
    return Event(f"redemption.{made.status}", f"member {member_id}", data, reward.program_id)
