"""Points of an award are taken back from a locked account: by returns, and by corrections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.earning.give_back.purchase import History, Judged
from loyalty.earning.give_back.rules import Policy, TakenFrom, There, take
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.heirs import lock_with_heir
from loyalty.ledger.lots_made import Made, lots_made
from loyalty.ledger.post import open_lots
from loyalty.ledger.rules import Bucket, Draw, Kind, Lot, draw


def lock_who_gives(session: Session, account_id: int, at: datetime) -> Account:
    """Locks the account that earned, and gives the one that gives back: it, or the one it was
    merged into, as it stands at `at`."""
    own, heir = lock_with_heir(session, account_id)
    account = heir or own
    settle_due(session, [account], at)
    return account


def take_back(
    session: Session,
    account: Account,
    purchase: Judged,
    so_far: History,
    points: int,
    policy: Policy,
    *,
    kind: Kind,
    to_bucket: Bucket = Bucket.REVERSED,
    cause_id: UUID,
    occurred_at: datetime,
    at: datetime,
) -> tuple[int, TakenFrom]:
    """Moves what is to be taken on the account; the caller posts it.

    Returns the version that it was decided on, and from where the points came.
    """
    made = Made()
    if purchase.account_id is not None:
        made = lots_made(
            session,
            purchase.account_id,
            purchase.entries,
            so_far.ids,
            standing_on=account.id,
        )
    own = [lot for lot in made.lots if lot.remaining]
    pending = [lot for lot in own if not lot.active]
    active = [lot for lot in own if lot.active]
    there = There(
        pending=sum(lot.remaining for lot in pending),
        own=sum(lot.remaining for lot in active),
        gone=max(0, made.ended - so_far.ended - purchase.ended),
        available=account.balance.available,
    )
    taken = take(points, there, policy)
    decided_on = account.version

    def move(source: Bucket, points: int, draws: Sequence[Draw] = ()) -> None:
        if points:
            account.move(
                kind,
                source,
                to_bucket,
                points,
                cause_id=cause_id,
                occurred_at=occurred_at,
                draws=draws,
            )

    move(Bucket.PENDING, taken.pending, _in_turn(pending, taken.pending))
    draws = _in_turn(active, taken.own)
    if taken.available:
        mine = {lot.id for lot in active}
        wanted = taken.available + there.own
        others = [lot for lot in open_lots(session, account.id, wanted, at) if lot.id not in mine]
        draws += draw(others, taken.available, at)
    move(Bucket.AVAILABLE, taken.own + taken.available, draws)
    move(Bucket.OWED, taken.owed)
    return decided_on, taken


def _in_turn(lots: Sequence[Lot], points: int) -> list[Draw]:
    """Draws from the lots, one after the other."""
    draws = []
    for lot in lots:
        if points:
            draws.append(Draw(lot.id, min(points, lot.remaining)))
            points -= draws[-1].points
    return draws
