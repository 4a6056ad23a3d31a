"""A member gives points to another: both sides, or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.care.models import TransferRow
from loyalty.care.queries import Transferred
from loyalty.care.rules import NotTransferable, check_transfer, period_start
from loyalty.errors import Conflict, Invalid
from loyalty.ids import uuid7
from loyalty.ledger.account import Account, InsufficientPoints
from loyalty.ledger.due import settle_due
from loyalty.ledger.parcels import Parcel, parcels
from loyalty.ledger.post import open_lots, post
from loyalty.ledger.rules import Balance, Bucket, Kind, Lot, LotsTooShort, draw
from loyalty.members.queries import NotActive, lock_memberships
from loyalty.programs.queries import Program


class TransferLimit(Conflict):
    """409: the program lets members give fewer, or no more for now."""

    code = "transfer_limit"
    title = "The program's limits do not allow this transfer"
    cure = "Transfer what `transfers` of the program allows, or wait for the next period."


class InArrears(Conflict):
    """409: who owes points gives none away."""

    code = "in_arrears"
    title = "The member owes points"
    cure = "What is owed is paid first, by what the member earns next."


@dataclass(frozen=True, slots=True)
class Transfer:
    """`points` from one member to another, by their ids; `reason` is for those who ask later."""

    giver: str
    taker: str
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sides:
    """What was done: the transfer, the parcels that arrived, and the balances after it."""

    transfer: Transferred
    parcels: tuple[Parcel, ...]
    giver: Balance
    taker: Balance


def transfer(
    session: Session,
    program: Program,
    order: Transfer,
    *,
    by: By,
) -> Sides:
    """The points that expire soonest go first, and arrive with the dates they had.

    What the taker owes is paid by them. They count for the tier where they were earned. Raises
    Invalid for two names of one member, NotEnrolled, NotActive, TransferLimit, InArrears,
    InsufficientPoints, AccountFull.
    """
    (giver, source), (taker, target) = lock_memberships(
        session, program.id, [order.giver, order.taker]
    )
    if source.id == target.id:
        raise Invalid.field("/to", "same_member", "Points are transferred to another member.")
    for one in (giver, taker):
        if one.status != "active":
            raise NotActive(one.status, one.member_id)
    settle_due(session, [source, target], by.at)
    _check(session, program, order.points, source, by.at)
    told = Transferred(
        uuid7(),
        program.slug,
        giver.member_id,
        taker.member_id,
        order.points,
        order.reason,
        by.actor,
        by.at,
    )
    sent = _send(session, source, target, order.points, told.id, by.at)
    _write(session, program, told, source.id, target.id, by.request_id, by.at)
    return Sides(told, tuple(sent), source.balance, target.balance)


def _send(
    session: Session, source: Account, target: Account, points: int, transfer_id: UUID, at: datetime
) -> list[Parcel]:
    if points > source.balance.available:
        raise InsufficientPoints(source.balance.available, points)
    lots = open_lots(session, source.id, points, at)
    try:
        draws = draw(lots, points, at)
    except LotsTooShort as error:
        raise InsufficientPoints(error.there, points) from None
    source.move(
        Kind.TRANSFER,
        Bucket.AVAILABLE,
        Bucket.TRANSFERRED,
        points,
        cause_id=transfer_id,
        occurred_at=at,
        draws=draws,
    )
    arrived: list[Lot] = []
    sent = parcels(lots, draws)
    for one in sent:
        lot = target.arrive(
            Kind.TRANSFER, one.points, one.life, cause_id=transfer_id, occurred_at=at
        )
        arrived.append(lot)
    if target.balance.owed:
        others = open_lots(session, target.id, target.balance.owed, at)
        target.settle([*others, *arrived], cause_id=transfer_id, occurred_at=at, at=at)
    post(session, [source, target], at)
    return sent


# Also what an account gave that was merged into this one.
_GIVEN = text(
    "SELECT coalesce(sum(t.points), 0)::bigint FROM transfer t WHERE t.tenant_id = :tenant"
    " AND t.occurred_at >= :since AND t.from_account IN ("
    "   SELECT CAST(:account AS bigint) UNION ALL"
    "   SELECT from_account FROM merged_account"
    "   WHERE tenant_id = :tenant AND into_account = :account AND NOT undone)"
)


def _check(session: Session, program: Program, points: int, source: Account, at: datetime) -> None:
    if source.balance.owed:
        raise InArrears(f"{source.balance.owed} points are owed.")
    rule = program.settings.transfers
    given = 0
    if rule.max_points_per_period is not None:
        since = period_start(rule.period, at, program.time_zone)
        values = {"tenant": session.info["tenant_id"], "account": source.id, "since": since}
        given = session.execute(_GIVEN, values).scalar_one()
    try:
        check_transfer(
            points,
            given,
            at_least=rule.min_points,
            at_most=rule.max_points,
            per_period=rule.max_points_per_period,
            period=rule.period,
        )
    except NotTransferable as refused:
        raise TransferLimit(str(refused)) from None


def _write(
    session: Session,
    program: Program,
    told: Transferred,
    from_account: int,
    to_account: int,
    request_id: str | None,
    at: datetime,
) -> None:
    session.execute(
        insert(TransferRow).values(
            tenant_id=session.info["tenant_id"],
            id=told.id,
            program_id=program.id,
            from_account=from_account,
            to_account=to_account,
            points=told.points,
            reason=told.reason,
            actor=told.actor,
            request_id=request_id,
            occurred_at=at,
        )
    )
    record(
        session,
        By(told.actor, request_id, at),
        act="member.transfer",
        subject=f"program {program.slug} member {told.giver}",
        after={"transfer": str(told.id), "to": told.taker, "points": told.points},
        reason=told.reason,
    )
