"""A reward that a member has won is handed out: a redemption that costs no points.

What was won waits in `campaign_gift` until it can be given: a worker is woken at once, and beat
comes back to what was out of stock, or whose member is suspended or has left.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, text
from sqlalchemy.orm import Session

from loyalty.campaigns.steps import SOURCE
from loyalty.errors import Conflict
from loyalty.ledger.heirs import lock_with_heir
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import program_by_id
from loyalty.redemption.models import RedemptionRow
from loyalty.rewards.queries import find_reward
from loyalty.rewards.stock import low, take_one
from loyalty.rewards.vouchers import take_voucher

AGAIN_AFTER = timedelta(minutes=10)  # what can't be given now is tried again

_OPEN = text(
    "SELECT id, program_id, account_id, reward, why_not FROM campaign_gift"
    " WHERE tenant_id = :tenant AND id = :id AND given_at IS NULL FOR UPDATE SKIP LOCKED"
)
_WHOSE = text(
    "SELECT m.member_id, ms.status FROM membership ms"
    " JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id"
    " WHERE ms.tenant_id = :tenant AND ms.account_id = :account AND ms.status <> 'merged'"
)
_GIVEN = text(
    "UPDATE campaign_gift SET given_at = :at, why_not = NULL WHERE tenant_id = :tenant AND id = :id"
)
_WAITS = text(
    "UPDATE campaign_gift SET try_at = :again, why_not = :why_not"
    " WHERE tenant_id = :tenant AND id = :id AND given_at IS NULL"
)


def give_reward(session: Session, gift_id: UUID, at: datetime) -> bool:
    """Hands out one reward that was won, if it is open; True when it was given just now.

    Once, however often and by how many it is tried. Events: redemption.redeemed, or
    reward.waiting with the reason when that is a new one.
    """
    gift = session.execute(
        _OPEN, {"tenant": session.info["tenant_id"], "id": gift_id}
    ).one_or_none()
    if gift is None:
        return False
    account, heir = lock_with_heir(session, gift.account_id)
    account_id = heir.id if heir else account.id
    member = session.execute(
        _WHOSE, {"tenant": session.info["tenant_id"], "account": account_id}
    ).one()
    if member.status != "active":
        return _wait(session, gift, member.member_id, "not_active", at)
    try:
        with session.begin_nested():
            return _give(session, gift, account_id, member.member_id, at)
    except Conflict as refusal:  # none left: neither of the stock nor of the pool
        return _wait(session, gift, member.member_id, refusal.code, at)


def _give(session: Session, gift: Row[Any], account_id: int, member_id: str, at: datetime) -> bool:
    reward = find_reward(session, gift.program_id, gift.reward)
    if reward is None:
        return _wait(session, gift, member_id, "reward_ended", at)
    left = take_one(session, reward.id)
    voucher = take_voucher(session, reward, gift.id, at=at)
    session.execute(
        insert(RedemptionRow).values(
            tenant_id=session.info["tenant_id"],
            id=gift.id,
            program_id=gift.program_id,
            account_id=account_id,
            status="redeemed",
            points=0,
            amount=reward.worth,
            currency=program_by_id(session, gift.program_id).currency,
            entry_version=0,  # no entry: it took no points
            actor=SOURCE,
            occurred_at=at,
            reward_id=reward.id,
            took_stock=left is not None,
            fulfilment="ordered" if reward.kind == "goods" else None,
        )
    )
    session.execute(_GIVEN, {"tenant": session.info["tenant_id"], "id": gift.id, "at": at})
    data = {
        "redemption": str(gift.id),
        "member_id": member_id,
        "reward": reward.key,
        "points": 0,
    }
    told = Event("redemption.redeemed", f"member {member_id}", data, gift.program_id)
    in_pool = None if voucher is None else voucher.left
    emit(session, [told, *low(reward, in_pool if left is None else left)], at)
    return True


def _wait(session: Session, gift: Row[Any], member_id: str, why_not: str, at: datetime) -> bool:
    postpone(session, gift.id, why_not, at)
    if why_not != gift.why_not:
        data = {"reward": gift.reward, "why_not": why_not}
        emit(session, [Event("reward.waiting", f"member {member_id}", data, gift.program_id)], at)
    return False


def postpone(session: Session, gift_id: UUID, why_not: str, at: datetime) -> None:
    """It can't be handed out now, and is tried again in ten minutes."""
    values = {"again": at + AGAIN_AFTER, "why_not": why_not}
    session.execute(_WAITS, {"tenant": session.info["tenant_id"], "id": gift_id, **values})


_DUE = text(
    "SELECT g.tenant_id, g.id FROM campaign_gift g JOIN tenant t ON t.id = g.tenant_id"
    " WHERE g.given_at IS NULL AND g.try_at <= :at + t.clock_offset - :settled"
    " ORDER BY g.try_at LIMIT :most"
)


def rewards_due(
    session: Session, at: datetime, *, settled: timedelta, most: int
) -> list[tuple[int, UUID]]:
    """(tenant, id) of what was won and is due for `settled`: the worker was not woken for it."""
    rows = session.execute(_DUE, {"at": at, "settled": settled, "most": most})
    return [(row.tenant_id, row.id) for row in rows]
