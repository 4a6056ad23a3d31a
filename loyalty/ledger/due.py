"""What is due is settled on the way: whoever has locked an account moves what time has done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.account import Account
from loyalty.ledger.post import post
from loyalty.ledger.rules import Lot

_DUE = text(
    "SELECT account_id, id, remaining, expires_at, activates_at, active"
    " FROM due_lots(:tenant, :accounts, CAST(:at AS timestamptz))"
)


def settle_due(session: Session, accounts: Iterable[Account], at: datetime) -> None:
    """Activates and expires what is due by `at` of locked accounts, and writes it.

    Every verb that spends, takes back, transfers, merges or leaves calls it right after locking,
    so that it sees lots and figures as they stand at `at`. One look-up when nothing is due.
    """
    mine = {account.id: account for account in accounts}
    lots: dict[int, list[Lot]] = defaultdict(list)
    values = {"tenant": session.info["tenant_id"], "accounts": sorted(mine), "at": at}
    for row in session.execute(_DUE, values):
        lots[row.account_id].append(
            Lot(row.id, row.remaining, row.expires_at, row.activates_at, row.active)
        )
    for account_id, waiting in lots.items():
        mine[account_id].pass_time(waiting, at)
    post(session, [mine[account_id] for account_id in lots], at)
