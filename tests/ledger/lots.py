"""Lots of an account of one's own, put there and looked at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.ledger.account import Account
from loyalty.ledger.lots import COLUMNS, lot_of
from loyalty.ledger.post import lock_accounts, open_account, post
from loyalty.ledger.rules import Bucket, Kind, Lot
from loyalty.programs.queries import Program

AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def account_with(session: Session, program: Program, lots: Iterable[Lot]) -> Account:
    """A locked account that was awarded these lots (their ids are not used)."""
    account_id = open_account(session, program.id)
    account = lock_accounts(session, [account_id])[account_id]
    for lot in lots:
        account.issue(
            Kind.AWARD,
            Bucket.ISSUED,
            lot.remaining,
            cause_id=uuid4(),
            occurred_at=AT,
            activates_at=None if lot.active else lot.activates_at,
            expires_at=lot.expires_at,
            idle_days=lot.idle_days,
            once_released=lot.once_released,
        )
    post(session, [account], AT)
    return account


def open_lots_of(session: Session, account: Account) -> list[Lot]:
    """The open lots as they are written."""
    query = text(f"SELECT {COLUMNS} FROM lot WHERE account_id = :id AND open ORDER BY id")
    return [lot_of(row) for row in session.execute(query, {"id": account.id})]


def figures(session: Session, account: Account) -> tuple[int, int, int]:
    """pending, available and version as they are written."""
    query = text("SELECT pending, available, version FROM account WHERE id = :id")
    pending, available, version = session.execute(query, {"id": account.id}).one()
    return pending, available, version


def entries_after(session: Session, account: Account, version: int) -> list[Row[Any]]:
    """What happened since: kind, points, instant, pending and available after it, lots drawn."""
    query = text(
        "SELECT e.kind, e.points, e.occurred_at, e.pending_after, e.available_after,"
        " (SELECT array_agg(d.lot_id ORDER BY d.lot_id) FROM lot_draw d"
        "  WHERE d.account_id = e.account_id AND d.entry_version = e.version) AS lots"
        " FROM entry e WHERE e.account_id = :id AND e.version > :version ORDER BY e.version"
    )
    return list(session.execute(query, {"id": account.id, "version": version}))
