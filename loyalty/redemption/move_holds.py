"""Holds go along when an account is merged into another: the same redemption, the same points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.ledger.account import Account
from loyalty.ledger.post import post
from loyalty.ledger.rules import Bucket, Draw, Kind
from loyalty.redemption.models import RedemptionRow
from loyalty.redemption.queries import draws_of, held_by, redemption_of


@dataclass(frozen=True, slots=True)
class Moving:
    """A hold on its way, and the lots of the account it leaves that pay for it."""

    row: RedemptionRow
    draws: Sequence[Draw]


def lift_holds(session: Session, account: Account, *, cause_id: UUID, at: datetime) -> list[Moving]:
    """What is held returns to its lots, to be moved with them; the account is locked, and posted.

    Nothing expires by it: the same points are set aside again by `set_down`.
    """
    moving = []
    for redemption_id in held_by(session, [account.id], due_by=None):
        row = redemption_of(session, redemption_id)
        draws = [draw for _, draw in draws_of(session, row)]
        account.move(
            Kind.MERGE,
            Bucket.HELD,
            Bucket.AVAILABLE,
            row.points,
            cause_id=cause_id,
            occurred_at=at,
            draws=draws,
        )
        moving.append(Moving(row, draws))
    post(session, [account], at)
    return moving


def set_down(
    session: Session,
    account: Account,
    moving: Sequence[Moving],
    went: Mapping[int, int],
    *,
    cause_id: UUID,
    at: datetime,
) -> None:
    """Sets aside on `account` what was lifted; `went` says in which of its lots what now stands."""
    for one in moving:
        points: Counter[int] = Counter()
        for draw in one.draws:
            points[went[draw.lot_id]] += draw.points
        one.row.entry_version = account.move(
            Kind.MERGE,
            Bucket.AVAILABLE,
            Bucket.HELD,
            one.row.points,
            cause_id=cause_id,
            occurred_at=at,
            draws=[Draw(lot_id, taken) for lot_id, taken in sorted(points.items())],
        )
        one.row.account_id = account.id
    session.flush()
    post(session, [account], at)
