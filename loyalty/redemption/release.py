"""A hold ends without being spent: it is released, or it lapses when its time is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.post import lock_accounts
from loyalty.ledger.rules import Kind
from loyalty.redemption import rules
from loyalty.redemption.queries import held_by, redemption_of
from loyalty.redemption.step import Going, begin, finish, going, refusals

#: Who lets a hold lapse: time.
TIME = ":time"


def release(session: Session, redemption_id: UUID, by: By) -> None:
    """Sets a hold's points free, and what it held of its reward.

    Raises NotFound, WrongState.
    """
    one = begin(session, redemption_id, by)
    with refusals():
        rules.released(one.state, by.at)
    _end(one, Kind.RELEASE, "released")


def lapse_holds(
    session: Session, account: Account, at: datetime, *, due_by: datetime | None = None
) -> int:
    """Ends every hold of a locked, settled account, or those due by an instant; returns how many.

    Who leaves calls it, and finds the points among the available ones.
    """
    return _lapse(session, {account.id: account}, at, due_by=due_by)


def lapse_due(session: Session, account_ids: Iterable[int], at: datetime) -> int:
    """Lapses those holds of accounts whose time is over by `at`; returns how many."""
    accounts = lock_accounts(session, account_ids)
    settle_due(session, accounts.values(), at)
    return _lapse(session, accounts, at, due_by=at)


def _lapse(
    session: Session, accounts: Mapping[int, Account], at: datetime, *, due_by: datetime | None
) -> int:
    by = By(TIME, None, at)
    ids = held_by(session, accounts, due_by=due_by)
    for one in ids:
        row = redemption_of(session, one)
        _end(going(session, row, accounts[row.account_id], by), Kind.LAPSE, "lapsed")
    if ids:  # what has come back when its hold was over may have expired since
        settle_due(session, accounts.values(), at)
    return len(ids)


def _end(
    one: Going, kind: Literal[Kind.RELEASE, Kind.LAPSE], became: Literal["released", "lapsed"]
) -> None:
    over = one.row.hold_expires_at
    freed_at = min(over, one.by.at) if kind is Kind.LAPSE and over else one.by.at
    one.give_back(kind, one.row.points, at=freed_at)
    one.end_reward()
    one.row.status, one.row.released = became, one.row.points
    finish(one, became)
