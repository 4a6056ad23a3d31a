"""Reads of rewards: the catalogue, stock, what a member has redeemed, vouchers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.orm import Session

from loyalty.conditions.tree import Condition
from loyalty.errors import NotFound
from loyalty.rewards.models import RewardRow, StockRow, VoucherRow
from loyalty.rewards.rules import Limit, Period, period_start, read_eligible


class NoSuchReward(NotFound):
    """404: the program offers no reward of this key."""

    code = "no_such_reward"
    title = "The program has no such reward"
    cure = "Read the catalogue: GET /v1/programs/{program}/rewards."

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no reward {key!r}.")


@dataclass(frozen=True, slots=True)
class Stock:
    """How many there were, and how many are left."""

    total: int
    remaining: int


@dataclass(frozen=True, slots=True)
class VoucherCounts:
    """The codes of a reward by what became of them."""

    free: int = 0
    held: int = 0
    given: int = 0
    void: int = 0


def find_reward(session: Session, program_id: int, key: str) -> RewardRow | None:
    """The reward that is offered under a key now."""
    return session.scalar(_offered(session, program_id, key))


def reward_by_key(session: Session, program_id: int, key: str, *, lock: bool = False) -> RewardRow:
    """The reward; with `lock` nobody else changes it. Raises NoSuchReward."""
    query = _offered(session, program_id, key)
    # Not the key itself: a redemption that makes a voucher of it need not wait.
    found = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if found is None:
        raise NoSuchReward(key)
    return found


def _offered(session: Session, program_id: int, key: str) -> Select[RewardRow]:
    return select(RewardRow).where(
        RewardRow.tenant_id == session.info["tenant_id"],
        RewardRow.program_id == program_id,
        RewardRow.key == key,
        RewardRow.ended_at.is_(None),
    )


def reward_by_id(session: Session, reward_id: UUID) -> RewardRow:
    """A reward that is known to exist, also one that has ended."""
    return session.scalars(
        select(RewardRow).where(
            RewardRow.tenant_id == session.info["tenant_id"], RewardRow.id == reward_id
        )
    ).one()


def rewards(
    session: Session, program_id: int, *, before: UUID | None, limit: int
) -> Sequence[RewardRow]:
    """A program's catalogue, newest first, from before the id `before`."""
    query = select(RewardRow).where(
        RewardRow.tenant_id == session.info["tenant_id"],
        RewardRow.program_id == program_id,
        RewardRow.ended_at.is_(None),
    )
    if before is not None:
        query = query.where(RewardRow.id < before)
    return session.scalars(query.order_by(RewardRow.id.desc()).limit(limit)).all()


def offered_conditions(session: Session, program_id: int, at: datetime) -> list[Condition]:
    """Whom the rewards are for that can be redeemed at `at` or later, where they say so."""
    rows = session.scalars(
        select(RewardRow.eligible).where(
            RewardRow.tenant_id == session.info["tenant_id"],
            RewardRow.program_id == program_id,
            RewardRow.ended_at.is_(None),
            RewardRow.eligible.is_not(None),
            or_(RewardRow.ends_at.is_(None), RewardRow.ends_at > at),
        )
    )
    return [read_eligible(one, "/eligible") for one in rows]


def stocks(session: Session, reward_ids: Iterable[UUID]) -> Mapping[UUID, Stock]:
    """The stock of those rewards that are limited."""
    rows = session.execute(
        select(StockRow.reward_id, StockRow.total, StockRow.remaining).where(
            StockRow.tenant_id == session.info["tenant_id"],
            StockRow.reward_id.in_(list(reward_ids)),
        )
    )
    return {row.reward_id: Stock(row.total, row.remaining) for row in rows}


def voucher_counts(session: Session, reward_id: UUID) -> VoucherCounts:
    """The codes of a reward, counted."""
    rows = session.execute(
        select(VoucherRow.status, func.count())
        .where(VoucherRow.tenant_id == session.info["tenant_id"], VoucherRow.reward_id == reward_id)
        .group_by(VoucherRow.status)
    )
    return VoucherCounts(**{row[0]: row[1] for row in rows})


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A code that a member was given; `status` is given or void."""

    id: UUID
    code: str
    reward: str
    status: str
    redemption_id: UUID
    given_at: datetime
    expires_at: datetime | None


_HANDED_OUT = text(
    "SELECT v.id, v.code, w.key AS reward, v.status, v.redemption_id, v.given_at, v.expires_at"
    " FROM redemption r"
    " JOIN voucher v ON v.tenant_id = r.tenant_id AND v.redemption_id = r.id"
    " JOIN reward w ON w.tenant_id = v.tenant_id AND w.id = v.reward_id"
    " WHERE r.tenant_id = :tenant AND r.account_id = ANY(ARRAY(SELECT own_accounts(:tenant,"
    "  :account))) AND r.reward_id IS NOT NULL AND v.given_at IS NOT NULL"
    "   AND (CAST(:before AS uuid) IS NULL OR r.id < :before)"
    " ORDER BY r.id DESC LIMIT :limit"
)


def vouchers_of(
    session: Session, account_id: int, *, before: UUID | None, limit: int
) -> Sequence[HandedOut]:
    """The codes that an account, and those merged into it, were given.

    Newest first, from before that redemption.
    """
    rows = session.execute(
        _HANDED_OUT,
        {
            "tenant": session.info["tenant_id"],
            "account": account_id,
            "before": before,
            "limit": limit,
        },
    )
    return [HandedOut(*row) for row in rows]


_USES = text(
    "SELECT count(*) FROM redemption WHERE tenant_id = :tenant AND reward_id = :reward"
    " AND account_id = ANY(ARRAY(SELECT own_accounts(:tenant, :account)))"
    " AND status NOT IN ('released', 'lapsed', 'cancelled')"
    " AND (CAST(:since AS timestamptz) IS NULL OR occurred_at >= :since)"
)


def uses(
    session: Session,
    reward_id: UUID,
    account_id: int,
    limits: Iterable[Limit],
    at: datetime,
    zone: tzinfo,
) -> dict[Period, int]:
    """The redemptions of a locked account that stand, in the present period of each limit."""
    return {
        limit.per: session.execute(
            _USES,
            {
                "tenant": session.info["tenant_id"],
                "reward": reward_id,
                "account": account_id,
                "since": period_start(limit.per, at, zone),
            },
        ).scalar_one()
        for limit in limits
    }
