"""Points of an award are taken back from a locked account: by returns, and by corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.earning.give_back.purchase import History, Judged
from loyalty.earning.give_back.rules import Policy, TakenFrom, There, take
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.heirs import lock_with_heir
from loyalty.ledger.lots_made import lots_made
from loyalty.ledger.post import open_lots
from loyalty.ledger.rules import Bucket, Draw, Kind, Lot, draw


def lock_who_gives(session: Session, account_id: int, at: datetime) -> Account:
    """Locks the account that earned, and gives the one that gives back: it, or the one it was
    merged into, as it stands at `at`."""
    own, heir = lock_with_heir(session, account_id)
    account = heir or own
    settle_due(session, [account], at)
    return account


@dataclass(frozen=True, slots=True)
class Cause:
    """Why points are taken: what the entries say of themselves."""

    kind: Kind
    to_bucket: Bucket
    id: UUID
    occurred_at: datetime


def take_back(
    session: Session,
    account: Account,
    purchase: Judged,
    so_far: History,
    points: int,
    policy: Policy,
    cause: Cause,
    at: datetime,
) -> TakenFrom:
    """Moves what is to be taken on the locked account; the caller posts it.

    Returns from where the points came.
    """
    own, ended = _made(session, account, purchase, so_far)
    pending = [lot for lot in own if not lot.active]
    active = [lot for lot in own if lot.active]
    there = There(
        pending=sum(lot.remaining for lot in pending),
        own=sum(lot.remaining for lot in active),
        gone=max(0, ended - so_far.ended - purchase.ended),
        available=account.balance.available,
    )
    taken = take(points, there, policy)
    draws = _in_turn(active, taken.own)
    if taken.available:
        mine = {lot.id for lot in active}
        wanted = taken.available + there.own
        others = [lot for lot in open_lots(session, account.id, wanted, at) if lot.id not in mine]
        draws += draw(others, taken.available, at)
    _move(account, Bucket.PENDING, taken.pending, cause, _in_turn(pending, taken.pending))
    _move(account, Bucket.AVAILABLE, taken.own + taken.available, cause, draws)
    _move(account, Bucket.OWED, taken.owed, cause)
    return taken


def _made(
    session: Session, account: Account, purchase: Judged, so_far: History
) -> tuple[list[Lot], int]:
    """What is left of the purchase's lots, and how many of its points had ended unspent."""
    made = [
        lots_made(session, earned_by, entries, so_far.ids, standing_on=account.id)
        for earned_by, entries in purchase.entries
    ]
    lots = [lot for one in made for lot in one.lots if lot.remaining]
    return lots, sum(one.ended for one in made)


def _move(
    account: Account, source: Bucket, points: int, cause: Cause, draws: Sequence[Draw] = ()
) -> None:
    if points:
        account.move(
            cause.kind,
            source,
            cause.to_bucket,
            points,
            cause_id=cause.id,
            occurred_at=cause.occurred_at,
            draws=draws,
        )


def _in_turn(lots: Sequence[Lot], points: int) -> list[Draw]:
    """Draws from the lots, one after the other."""
    draws = []
    for lot in lots:
        if points:
            draws.append(Draw(lot.id, min(points, lot.remaining)))
            points -= draws[-1].points
    return draws
