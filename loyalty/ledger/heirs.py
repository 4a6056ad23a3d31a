"""Accounts that were emptied into another, their heir: what still comes to one goes on there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import Unavailable
from loyalty.ledger.account import Account
from loyalty.ledger.lots import COLUMNS, lot_of
from loyalty.ledger.post import lock_accounts, open_lots, post
from loyalty.ledger.rules import MAX_POINTS, Bucket, Draw, Kind, Lot

_HEIR = text(
    "SELECT into_account, merge_id FROM merged_account"
    " WHERE tenant_id = :tenant AND from_account = :account AND NOT undone"
)
# Who inherits from an heir inherits from all of theirs, so that one step finds who has it now.
_INHERIT = text(
    "WITH earlier AS ("
    "  UPDATE merged_account SET into_account = :heir"
    "  WHERE tenant_id = :tenant AND into_account = :absorbed AND NOT undone)"
    " INSERT INTO merged_account (tenant_id, merge_id, program_id, from_account, into_account)"
    " VALUES (:tenant, :merge, :program, :absorbed, :heir)"
)
_COUNTED = text(
    "UPDATE account SET lifetime = :lifetime, tier_points = :tier_points"
    " WHERE tenant_id = :tenant AND id = :account"
)
_MOST_TRIES = 3


def lock_with_heir(session: Session, account_id: int) -> tuple[Account, Account | None]:
    """Locks an account, and the heir of one that was merged.

    Who merges holds the locks of both, so what is read after the locks is as it stands.
    """
    heir = _heir_of(session, account_id)
    for _ in range(_MOST_TRIES):
        attempt = session.begin_nested()
        accounts = lock_accounts(session, [account_id, heir or account_id])
        seen, heir = heir, _heir_of(session, account_id)
        if seen == heir:
            attempt.commit()
            return accounts[account_id], accounts[heir] if heir else None
        attempt.rollback()  # another heir is not locked while this one is held
    raise Unavailable("The account keeps being merged.")


def _heir_of(session: Session, account_id: int) -> int | None:
    values = {"tenant": session.info["tenant_id"], "account": account_id}
    row = session.execute(_HEIR, values).one_or_none()
    return None if row is None else int(row.into_account)


def inherit(session: Session, absorbed: Account, heir: Account, merge_id: UUID) -> None:
    """From now on `heir` stands for `absorbed`, and what was counted there counts for the heir."""
    session.execute(
        _INHERIT,
        {
            "tenant": session.info["tenant_id"],
            "merge": merge_id,
            "program": heir.program_id,
            "absorbed": absorbed.id,
            "heir": heir.id,
        },
    )
    heir.lifetime = min(MAX_POINTS, heir.lifetime + absorbed.lifetime)
    absorbed.lifetime = absorbed.tier_points = 0
    for account in (absorbed, heir):
        write_counted(session, account)


def disinherit(session: Session, merge_id: UUID) -> None:
    """The merge is undone: its accounts stand for themselves again."""
    session.execute(
        text(
            "UPDATE merged_account SET undone = true"
            " WHERE tenant_id = :tenant AND merge_id = :merge"
        ),
        {"tenant": session.info["tenant_id"], "merge": merge_id},
    )


def write_counted(session: Session, account: Account) -> None:
    """Writes lifetime and tier points of a locked account, also where no points move."""
    session.execute(
        _COUNTED,
        {
            "tenant": session.info["tenant_id"],
            "account": account.id,
            "lifetime": account.lifetime,
            "tier_points": account.tier_points,
        },
    )


def hand_over(
    session: Session, absorbed: Account, heir: Account, *, cause_id: UUID, at: datetime
) -> dict[int, int]:
    """Moves what stands in lots, and what is owed, to the heir; what is held stays.

    Lot by lot, so that what a purchase earned can still be told. Both are locked and settled.
    Returns which lot of the heir holds what was in which lot.
    """
    went: dict[int, int] = {}
    for lot in _all_that_stands(session, absorbed):
        points = lot.remaining
        absorbed.move(
            Kind.MERGE,
            Bucket.AVAILABLE if lot.active else Bucket.PENDING,
            Bucket.TRANSFERRED,
            points,
            cause_id=cause_id,
            occurred_at=at,
            draws=[Draw(lot.id, points)],
        )
        here = heir.arrive(Kind.MERGE, points, lot, cause_id=cause_id, occurred_at=at)
        went[lot.id] = here.id
    if owed := absorbed.balance.owed:
        absorbed.move(
            Kind.MERGE,
            Bucket.TRANSFERRED,
            Bucket.OWED,
            owed,
            cause_id=cause_id,
            occurred_at=at,
        )
        heir.move(
            Kind.MERGE,
            Bucket.OWED,
            Bucket.TRANSFERRED,
            owed,
            cause_id=cause_id,
            occurred_at=at,
        )
    post(session, [absorbed, heir], at)
    _write_moved(session, absorbed, heir, went)
    return went


_STANDING = text(
    f"SELECT {COLUMNS} FROM lot"  # noqa: S608 - a constant
    " WHERE tenant_id = :tenant AND account_id = :account AND open ORDER BY expires_at, id"
)


def _all_that_stands(session: Session, account: Account) -> list[Lot]:
    """The open lots of a locked account, pending ones too."""
    values = {"tenant": session.info["tenant_id"], "account": account.id}
    return [lot_of(row) for row in session.execute(_STANDING, values)]


_MOVED = text(
    "INSERT INTO moved_lot (tenant_id, account_id, lot_id, into_account, into_lot)"
    " SELECT :tenant, :absorbed, lot_id, :heir, into_lot"
    " FROM unnest(CAST(:lots AS bigint[]), CAST(:into AS bigint[])) AS moved(lot_id, into_lot)"
)


def _write_moved(
    session: Session, absorbed: Account, heir: Account, went: Mapping[int, int]
) -> None:
    """Where each lot went, so that what its purchase earned is found again."""
    if went:
        session.execute(
            _MOVED,
            {
                "tenant": session.info["tenant_id"],
                "absorbed": absorbed.id,
                "heir": heir.id,
                "lots": list(went),
                "into": list(went.values()),
            },
        )


def pay_debt(session: Session, account: Account, *, cause_id: UUID, at: datetime) -> None:
    """What is owed is paid from what is available, as far as it goes; the account is posted."""
    if account.balance.owed and account.balance.available:
        lots = open_lots(session, account.id, account.balance.owed, at)
        account.settle(lots, cause_id=cause_id, occurred_at=at, at=at)
        post(session, [account], at)


def hand_on(session: Session, absorbed: Account, heir: Account, at: datetime) -> None:
    """What has come back to an account after it was merged goes on to its heir."""
    values = {"tenant": session.info["tenant_id"], "account": absorbed.id}
    merge_id: UUID = session.execute(_HEIR, values).one().merge_id
    hand_over(session, absorbed, heir, cause_id=merge_id, at=at)
    pay_debt(session, heir, cause_id=merge_id, at=at)
