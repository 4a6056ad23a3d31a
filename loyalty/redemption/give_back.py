"""Points of a redemption return to the very lots that paid for it, and live as long as those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from loyalty.ledger.account import Account, AccountFull
from loyalty.ledger.rules import (
    MAX_POINTS,
    Bucket,
    Draw,
    Kind,
    Lot,
    draw,
    drawn,
    expiry_after_return,
)
from loyalty.redemption.models import RedemptionRow
from loyalty.redemption.queries import Owner, draws_of
from loyalty.redemption.rules import forfeits, last_drawn

Back = Literal[Kind.RELEASE, Kind.LAPSE, Kind.CANCEL]


def give_back(
    session: Session,
    account: Account,
    row: RedemptionRow,
    kind: Back,
    points: int,
    *,
    owner: Owner,
    grace_days: int,
    at: datetime,
) -> int:
    """`points` of a redemption return to their lots on a locked, settled account; returns the
    version of the entry.

    What belongs to a lot that has expired expires with it, or lives on for `grace_days`; then
    what is owed is paid; what belongs to somebody who has left is forfeited. Raises AccountFull.
    """
    there = account.balance.pending + account.balance.available + account.balance.held
    if kind is Kind.CANCEL and there + points > MAX_POINTS:  # what is held must fit in again, too
        raise AccountFull(f"{points} on top of {there} points are more than {MAX_POINTS}.")
    paid_by = draws_of(session, row)
    draws = last_drawn([one for _, one in paid_by], points)
    lots = [lot for lot, _ in paid_by]
    version = account.bring_back(
        kind,
        Bucket.REDEEMED if kind is Kind.CANCEL else Bucket.HELD,
        draws,
        lots,
        cause_id=row.id,
        occurred_at=at,
        at=at,
        grace_days=grace_days,
    )
    _spend_at_once(account, row, _alive(lots, draws, at, grace_days), owner, at)
    return version


def _alive(lots: Sequence[Lot], draws: Sequence[Draw], at: datetime, grace_days: int) -> list[Lot]:
    """What has returned and not expired, as lots that hold nothing else."""
    returned = {one.lot_id: one.points for one in draws}
    lives = [
        replace(
            lot,
            remaining=returned[lot.id],
            expires_at=expiry_after_return(lot.expires_at, at, grace_days),
        )
        for lot in lots
        if lot.id in returned
    ]
    return [lot for lot in lives if lot.expires_at is None or lot.expires_at > at]


def _spend_at_once(
    account: Account, row: RedemptionRow, lots: Sequence[Lot], owner: Owner, at: datetime
) -> None:
    returned = sum(lot.remaining for lot in lots)
    owed = min(returned, account.balance.owed)
    lost = returned - owed if forfeits(owner.status, owner.joined_at, row.occurred_at) else 0
    if owed:
        _take(account, row, Kind.SETTLE, Bucket.OWED, owed, lots, at)
    if lost:
        left = drawn(lots, draw(lots, owed, at))
        _take(account, row, Kind.FORFEIT, Bucket.FORFEITED, lost, left, at)


def _take(
    account: Account,
    row: RedemptionRow,
    kind: Kind,
    bucket: Bucket,
    points: int,
    lots: Sequence[Lot],
    at: datetime,
) -> None:
    account.take(kind, bucket, points, lots, cause_id=row.id, occurred_at=at, at=at)
