"""Points of an award are taken back from a locked account: by returns, and by corrections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.give_back.purchase import History, Judged
from loyalty.earning.give_back.rules import Policy, TakenFrom, There, take
from loyalty.errors import Unavailable
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.lots_made import Made, lots_made
from loyalty.ledger.post import lock_accounts, open_lots, take_tier_points
from loyalty.ledger.rules import Bucket, Draw, Kind, Lot, draw

_HEIR = text(
    "SELECT into_account FROM merged_account"
    " WHERE tenant_id = :tenant AND from_account = :account AND NOT undone"
)
_MOST_TRIES = 3


def lock_heir(session: Session, account_id: int, at: datetime) -> Account:
    """Locks the account that earned, or the one it was merged into, as it stands at `at`.

    Who merges holds the locks of both, so what is read after the lock is as it stands.
    """
    wanted = _heir(session, account_id)
    for _ in range(_MOST_TRIES):
        account = lock_accounts(session, [wanted])[wanted]
        wanted = _heir(session, account_id)
        if wanted == account.id:
            settle_due(session, [account], at)
            return account
    raise Unavailable("The account keeps being merged.")


def _heir(session: Session, account_id: int) -> int:
    values = {"tenant": session.info["tenant_id"], "account": account_id}
    return session.execute(_HEIR, values).scalar_one_or_none() or account_id


def take_back(
    session: Session,
    account: Account,
    purchase: Judged,
    so_far: History,
    points: int,
    policy: Policy,
    *,
    kind: Kind,
    cause_id: UUID,
    occurred_at: datetime,
    at: datetime,
) -> tuple[int, TakenFrom]:
    """Moves what is to be taken on the account; the caller posts it.

    Returns the version that it was decided on, and from where the points came.
    """
    made = Made()
    if purchase.account_id is not None:
        made = lots_made(session, purchase.account_id, purchase.entries, so_far.ids)
    own = [lot for lot in made.lots if purchase.account_id == account.id and lot.remaining]
    pending = [lot for lot in own if not lot.active]
    active = [lot for lot in own if lot.active]
    there = There(
        pending=sum(lot.remaining for lot in pending),
        own=sum(lot.remaining for lot in active),
        gone=max(0, made.ended - so_far.ended),
        available=account.balance.available,
    )
    taken = take(points, there, policy)
    decided_on = account.version

    def move(source: Bucket, points: int, draws: Sequence[Draw] = ()) -> None:
        if points:
            account.move(
                kind,
                source,
                Bucket.REVERSED,
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


_JOINED = text(
    "SELECT joined_at FROM membership WHERE tenant_id = :tenant AND account_id = :account"
)


def take_tier_points_back(
    session: Session, account_id: int, points: int, awarded_at: datetime | None
) -> int:
    """Tier points of an award go back; the tier itself falls only at its period's end.

    Returns how many. Those from before the member joined again ended when they left.
    """
    values = {"tenant": session.info["tenant_id"], "account": account_id}
    joined_at = session.execute(_JOINED, values).scalar_one_or_none()
    if not points or not joined_at or not awarded_at or awarded_at < joined_at:
        return 0
    return take_tier_points(session, account_id, points)
