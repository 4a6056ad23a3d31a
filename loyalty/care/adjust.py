"""A person gives or takes points, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.care.models import AdjustmentRow
from loyalty.earning.further import reach_tier
from loyalty.ids import uuid7
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.post import open_lots, post
from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import Membership, NotActive, lock_membership
from loyalty.members.standing import standings
from loyalty.programs.queries import Program
from loyalty.tiers.climb import climb
from loyalty.tiers.queries import ladder_of


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
    adjustment_id: UUID | None = None,
    by: By,
) -> Adjusted:
    """Gives points, which count for the tier, or takes available ones.

    Who may do so alone: see loyalty.care.rules. Raises NotEnrolled, NotActive when the member has
    left, InsufficientPoints, AccountFull.
    """
    by = by
    membership, adjusted = give_or_take(session, program, member_id, order, by, adjustment_id)
    record(
        session,
        by,
        act="member.adjust",
        subject=f"program {program.slug} member {membership.member_id}",
        after={"adjustment": str(adjusted.id), "points": order.points},
        reason=order.reason,
    )
    return adjusted


def give_or_take(
    session: Session,
    program: Program,
    member_id: str,
    order: Adjust,
    by: By,
    adjustment_id: UUID | None = None,
) -> tuple[Membership, Adjusted]:
    """An adjustment that somebody else writes down in the audit log. Raises what `adjust` does."""
    at = by.at
    membership, account = lock_membership(session, program.id, member_id)
    if membership.status == "cancelled":
        raise NotActive(membership.status)
    settle_due(session, [account], at)
    adjustment = adjustment_id or uuid7()
    _move(session, account, order.points, adjustment, at)
    if order.points > 0:
        _climb(session, program, membership, account, order.points, adjustment, at)
    session.execute(
        insert(AdjustmentRow).values(
            tenant_id=session.info["tenant_id"],
            id=adjustment,
            program_id=program.id,
            account_id=account.id,
            points=order.points,
            reason=order.reason,
            entry_version=account.version,
            actor=by.actor,
            request_id=by.request_id,
            occurred_at=at,
        )
    )
    post(session, [account], at)
    adjusted = Adjusted(adjustment, order.points, order.reason, at, account.balance)
    return membership, adjusted


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


def _climb(
    session: Session,
    program: Program,
    membership: Membership,
    account: Account,
    points: int,
    adjustment: UUID,
    at: datetime,
) -> None:
    member = standings(session, [membership.id])[membership.id]
    ladder = ladder_of(program)
    climbing = climb(session, {program.id: ladder}, [member], {account.id: account}, at, at)
    risen = climbing.gain(member, at, points=points)
    climbing.write(session)
    if risen is not None:
        reach_tier(session, member, ladder.tiers, risen, adjustment, at)
