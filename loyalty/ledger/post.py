"""The ledger's verbs: open an account, lock accounts, move points, write what was moved.

A caller locks, moves points on the `Account` objects (plain arithmetic, nothing is written),
and hands all of them to `post`, which writes them in one statement. Postgres proves every
figure again (migrations/sql/0001_invariants.sql).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.ledger.account import Account
from loyalty.ledger.lots import COLUMNS, lot_of
from loyalty.ledger.rules import Balance, Lot

_OPEN = text(
    "INSERT INTO account (tenant_id, program_id) VALUES (:tenant_id, :program_id) RETURNING id"
)
_OPEN_MANY = text(
    "INSERT INTO account (tenant_id, program_id) SELECT :tenant_id, :program_id"
    " FROM generate_series(1, :count) RETURNING id"
)
_LOCK = text(
    "SELECT id, program_id, pending, available, held, owed, lifetime, tier_points, version"
    " FROM account WHERE tenant_id = :tenant_id AND id = ANY(:ids) ORDER BY id FOR UPDATE"
)
_LOCK_FREE = text(f"{_LOCK.text} SKIP LOCKED")
_LOTS = text(
    f"SELECT {COLUMNS} FROM lot"  # noqa: S608 - a constant
    " WHERE tenant_id = :tenant_id AND account_id = :account_id AND open AND active = :active"
    " ORDER BY expires_at, id LIMIT :most OFFSET :start"
)
_POST = text(
    "SELECT post_entries(:tenant_id, CAST(:accounts AS json), CAST(:entries AS json),"
    " CAST(:lots AS json), CAST(:draws AS json))"
)
_FIRST_LOTS, _MOST_LOTS = 10, 1000  # lots read at once: few at first, for most burns need one


def open_account(session: Session, program_id: int) -> int:
    """A new account with nothing in it; returns its id."""
    return int(
        session.execute(
            _OPEN, {"tenant_id": session.info["tenant_id"], "program_id": program_id}
        ).scalar_one()
    )


def open_accounts(session: Session, program_id: int, count: int) -> list[int]:
    """So many new accounts with nothing in them; returns their ids."""
    values = {"tenant_id": session.info["tenant_id"], "program_id": program_id, "count": count}
    return list(session.scalars(_OPEN_MANY, values))


def lock_accounts(
    session: Session, account_ids: Iterable[int], *, wait: bool = True
) -> dict[int, Account]:
    """Locks accounts FOR UPDATE in the order of their ids: the one way to lock accounts.

    Without `wait`, those that somebody else has locked are left out.
    """
    ids = sorted(set(account_ids))
    rows = session.execute(
        _LOCK if wait else _LOCK_FREE, {"tenant_id": session.info["tenant_id"], "ids": ids}
    )
    return {
        id_: Account(id_, program_id, Balance(pending, available, held, owed), *further)
        for id_, program_id, pending, available, held, owed, *further in rows
    }


def account_of(row: Row[Any], account_id: int, program_id: int) -> Account:
    """The account whose figures stand in `row`, read under its lock."""
    return Account(
        account_id,
        program_id,
        Balance(row.pending, row.available, row.held, row.owed),
        row.lifetime,
        row.tier_points,
        row.version,
    )


def open_lots(
    session: Session, account_id: int, points: int, at: datetime, *, active: bool = True
) -> list[Lot]:
    """The lots that pay the next `points` of a locked account, in burn order, read in pages.

    With `active=False`, those whose points stand in `pending`.
    """
    lots: list[Lot] = []
    missing, most = points, _FIRST_LOTS
    while missing > 0:
        page = session.execute(
            _LOTS,
            {
                "tenant_id": session.info["tenant_id"],
                "account_id": account_id,
                "active": active,
                "most": most,
                "start": len(lots),
            },
        ).all()
        for row in page:
            lots.append(lot_of(row))
            if row.expires_at is None or row.expires_at > at:
                missing -= row.remaining
        if len(page) < most:
            break
        most = min(most * 10, _MOST_LOTS)
    return lots


def post(session: Session, accounts: Iterable[Account], at: datetime) -> None:
    """Writes all that was moved on locked accounts, in one statement; `at` is `recorded_at`."""
    changed = [(account, at) for account in accounts if account.entries or account.active_at]
    if changed:
        session.execute(_POST, {"tenant_id": session.info["tenant_id"], **written(changed)})


def written(changed: Sequence[tuple[Account, datetime]]) -> dict[str, str | None]:
    """What `post_entries` takes for these accounts, each with its `recorded_at`: accounts, entries,
    lots, draws, as JSON.

    Takes it off the accounts: what was handed out once must not be written again.
    """
    entries = [{**entry, "recorded_at": at} for account, at in changed for entry in account.entries]
    lots = [lot for account, _ in changed for lot in account.lots]
    draws = [one for account, _ in changed for one in account.draws]
    rows = [{**account.row(), "at": at} for account, at in changed]
    for account, _ in changed:
        account.entries, account.lots, account.draws, account.active_at = [], [], [], None
    return {
        "accounts": orjson.dumps(rows).decode(),
        "entries": orjson.dumps(entries).decode(),
        "lots": orjson.dumps(lots).decode() if lots else None,
        "draws": orjson.dumps(draws).decode() if draws else None,
    }


def start_again(session: Session, account_id: int) -> None:
    """A member joins again: tier-qualifying points start at 0 on the same, locked account."""
    session.execute(
        text("UPDATE account SET tier_points = 0 WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": session.info["tenant_id"], "id": account_id},
    )


_LOWER = text(
    "UPDATE account a SET tier_points = b.tier_points - least(b.tier_points, :points)"
    " FROM account b WHERE a.tenant_id = :tenant_id AND a.id = :id"
    " AND b.tenant_id = a.tenant_id AND b.id = a.id RETURNING b.tier_points - a.tier_points"
)


def take_tier_points(session: Session, account_id: int, points: int) -> int:
    """Tier-qualifying points go back, as far as there are any; returns how many.

    The account is locked, and what was moved on it is posted.
    """
    values = {"tenant_id": session.info["tenant_id"], "id": account_id, "points": points}
    return int(session.execute(_LOWER, values).scalar_one())
