"""A person gives or takes points, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.care.models import AdjustmentRow
from loyalty.errors import Forbidden
from loyalty.ids import uuid7
from loyalty.ledger.post import Account, open_lots, post
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import Membership, NotActive, lock_membership
from loyalty.members.standing import raise_tiers
from loyalty.programs.queries import Program
from loyalty.tiers.rules import Tier, rise


class AdjustmentLimit(Forbidden):
    """403: more than this role may give or take at once."""

    code = "adjustment_limit"
    title = "More than your role may give or take at once"
    cure = "Ask an admin, or have the program's support_adjusts_up_to raised."


@dataclass(frozen=True, slots=True)
class Adjust:
    """`points` above zero are given, below zero taken; `reason` is for those who ask later."""

    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What was done, and the balance after it."""

    id: UUID
    points: int
    reason: str
    occurred_at: datetime
    balance: Balance


def adjust(
    session: Session,
    program: Program,
    member_id: str,
    order: Adjust,
    *,
    at_most: int | None,
    actor: str,
    request_id: str | None,
    at: datetime,
) -> Adjusted:
    """Gives points, which count for the tier, or takes available ones.

    `at_most` points of either sign. Raises AdjustmentLimit, NotEnrolled, NotActive when the
    member has left, InsufficientPoints, AccountFull.
    """
    if at_most is not None and abs(order.points) > at_most:
        raise AdjustmentLimit(f"At most {at_most} points at once.")
    membership, account = lock_membership(session, program.id, member_id)
    if membership.status == "cancelled":
        raise NotActive(membership.status)
    adjustment = uuid7()
    _move(session, account, order.points, adjustment, at)
    _rise(session, program, membership, account, at)
    session.execute(
        insert(AdjustmentRow).values(
            tenant_id=session.info["tenant_id"],
            id=adjustment,
            program_id=program.id,
            account_id=account.id,
            points=order.points,
            reason=order.reason,
            entry_version=account.version,
            actor=actor,
            request_id=request_id,
            occurred_at=at,
        )
    )
    post(session, [account], at)
    return Adjusted(adjustment, order.points, order.reason, at, account.balance)


def _move(session: Session, account: Account, points: int, adjustment: UUID, at: datetime) -> None:
    if points > 0:
        account.issue(
            Kind.ADJUST,
            Bucket.ADJUSTED,
            points,
            cause_id=adjustment,
            occurred_at=at,
            tier_points=points,
        )
        return
    lots = open_lots(session, account.id, -points, at)
    account.take(
        Kind.ADJUST,
        Bucket.ADJUSTED,
        -points,
        lots,
        cause_id=adjustment,
        occurred_at=at,
        at=at,
    )


def _rise(
    session: Session, program: Program, membership: Membership, account: Account, at: datetime
) -> None:
    tiers = [Tier(tier.key, tier.name, tier.threshold) for tier in program.tiers]
    risen = rise(tiers, membership.tier_key, account.tier_points)
    if risen:
        raise_tiers(session, {membership.id: risen.key}, at)
