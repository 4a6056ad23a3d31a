"""Stock: how many there are of a reward that is limited, never less than none.

Locked after accounts, as late as it can be: every redemption of the reward waits for the row.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, Invalid
from loyalty.outbox.emit import Event
from loyalty.programs.queries import Program
from loyalty.rewards.models import RewardRow
from loyalty.rewards.queries import Stock


class OutOfStock(Conflict):
    """409: there are none left, or fewer than are to be taken away."""

    code = "out_of_stock"
    title = "There are not enough left"
    cure = "Choose another reward, or have the stock raised."


_CHANGE = text(
    "UPDATE reward_stock SET total = total + :total, remaining = remaining + :remaining"
    " WHERE tenant_id = :tenant AND reward_id = :reward AND remaining + :remaining >= 0"
    " RETURNING total, remaining"
)
_IS_LIMITED = text(
    "SELECT EXISTS (SELECT FROM reward_stock WHERE tenant_id = :tenant AND reward_id = :reward)"
)


def take_one(session: Session, reward_id: UUID) -> int | None:
    """Takes one off the stock and returns how many are left; None: it is not limited.

    Raises OutOfStock; nothing has changed then.
    """
    left = _change(session, reward_id, total=0, remaining=-1)
    if left is not None:
        return left.remaining
    if _is_limited(session, reward_id):
        raise OutOfStock("There are none left.")
    return None


def give_one_back(session: Session, reward_id: UUID) -> None:
    """What was taken is there again."""
    _change(session, reward_id, total=0, remaining=1)


def adjust_stock(
    session: Session, program: Program, reward: RewardRow, change: int, reason: str, by: By
) -> Stock:
    """More come in, or some are taken away. Raises OutOfStock, Invalid for what has no stock."""
    stock = _change(session, reward.id, total=change, remaining=change)
    if stock is None and not _is_limited(session, reward.id):
        raise Invalid.field("/change", "unlimited", "This reward has no stock to change.")
    if stock is None:
        raise OutOfStock(f"There are fewer than {-change} left.")
    record(
        session,
        by,
        act="reward.stock",
        subject=f"program {program.slug} reward {reward.key}",
        before={"total": stock.total - change, "remaining": stock.remaining - change},
        after={"total": stock.total, "remaining": stock.remaining},
        reason=reason,
    )
    return stock


def low(reward: RewardRow, remaining: int | None) -> list[Event]:
    """The event that is told with each one taken while there are `low_at` left or fewer."""
    if remaining is None or reward.low_at is None or remaining > reward.low_at:
        return []
    data = {"reward": reward.key, "remaining": remaining, "low_at": reward.low_at}
    return [Event("stock.low", f"reward {reward.key}", data, reward.program_id)]


def _change(session: Session, reward_id: UUID, *, total: int, remaining: int) -> Stock | None:
    row = session.execute(
        _CHANGE,
        {
            "tenant": session.info["tenant_id"],
            "reward": reward_id,
            "total": total,
            "remaining": remaining,
        },
    ).one_or_none()
    return None if row is None else Stock(row.total, row.remaining)


def _is_limited(session: Session, reward_id: UUID) -> bool:
    values = {"tenant": session.info["tenant_id"], "reward": reward_id}
    return bool(session.execute(_IS_LIMITED, values).scalar_one())
