"""Whom a bulk act is about: counted, shown, and settled when it begins.

Settled, for what it does changes who meets the query: a member who was given points would be found
again, and one who earned meanwhile would be found although nobody meant them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import Unavailable
from loyalty.jobs.bulk_acts.act import ACTS, BulkAct
from loyalty.ledger.post import lock_accounts
from loyalty.people.filters import Where, source, where
from loyalty.programs.queries import Program

BATCH = 50  # members done in one transaction: their accounts are locked so long

_TAKE_YOUR_TIME = text("SET LOCAL statement_timeout = '25s'")  # a worker's; its tasks may take 30


def whom(session: Session, program: Program, act: BulkAct, at: datetime) -> Where:
    """Who meets the query, and would be changed. Raises Invalid for an unknown segment."""
    found = where(session, program, act.query, at, told_at="/query/")
    found.add(ACTS[act.act].applies, to_tier=act.tier, until=act.until)
    return found


def count(session: Session, asked: Where) -> int:
    """How many they are."""
    statement = f"SELECT count(*) {source(asked.tables)} WHERE {asked.sql}"
    return int(session.execute(text(statement), asked.values).scalar_one())


def some(session: Session, asked: Where, most: int) -> list[int]:
    """A few of them, the latest memberships."""
    statement = (
        f"SELECT ms.id {source(asked.tables)} WHERE {asked.sql} ORDER BY ms.id DESC LIMIT :most"
    )
    return list(session.execute(text(statement), {**asked.values, "most": most}).scalars())


def settle(session: Session, job_id: UUID, asked: Where) -> int:
    """Writes down who they are, in batches; returns how many."""
    session.execute(_TAKE_YOUR_TIME)
    statement = f"""
        WITH meant AS (SELECT ms.id {source(asked.tables)} WHERE {asked.sql}),
        placed AS (SELECT id, (row_number() OVER (ORDER BY id) - 1) / :size AS batch FROM meant),
        written AS (
          INSERT INTO bulk_act_batch (tenant_id, job_id, batch, membership_ids)
          SELECT :tenant, :job, batch, array_agg(id ORDER BY id) FROM placed GROUP BY batch
          RETURNING cardinality(membership_ids) AS members)
        SELECT coalesce(sum(members), 0) FROM written
    """  # noqa: S608 - the conditions bind their values
    values = {**asked.values, "job": job_id, "size": BATCH}
    return int(session.execute(text(statement), values).scalar_one())


_BATCH = text(
    "SELECT membership_ids FROM bulk_act_batch"
    " WHERE tenant_id = :tenant AND job_id = :job AND batch = :batch"
)


def batch_of(session: Session, job_id: UUID, batch: int) -> list[int]:
    """The memberships of a batch; none past the last."""
    values = {"tenant": session.info["tenant_id"], "job": job_id, "batch": batch}
    return session.execute(_BATCH, values).scalar_one_or_none() or []


@dataclass(frozen=True, slots=True)
class Member:
    """How a member stands; `merged` has become another name of somebody else."""

    membership_id: int
    member_id: str
    merged: bool
    status: str
    tier: str
    available: int


_STAND = text(
    """
    SELECT ms.id, ms.account_id, m.member_id, ms.status, ms.tier_key, a.available
    FROM membership ms
    JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
    JOIN account a ON a.tenant_id = ms.tenant_id AND a.id = ms.account_id
    WHERE ms.tenant_id = :tenant AND ms.id = ANY(:ids) ORDER BY ms.id
    """
)


def stand(session: Session, membership_ids: Sequence[int], *, lock: bool) -> list[Member]:
    """How they stand, in the order of their memberships; with `lock` under their accounts' locks.

    Raises Unavailable when a merge came between: then the batch is done anew.
    """
    rows = _read(session, membership_ids)
    if lock:
        lock_accounts(session, [row.account_id for row in rows])
        seen, rows = rows, _read(session, membership_ids)
        if [row.account_id for row in seen] != [row.account_id for row in rows]:
            raise Unavailable("A membership was merged just now.")
    return [
        Member(
            row.id, row.member_id, row.status == "merged", row.status, row.tier_key, row.available
        )
        for row in rows
    ]


def _read(session: Session, membership_ids: Sequence[int]) -> Sequence[Row[Any]]:
    values = {"tenant": session.info["tenant_id"], "ids": list(membership_ids)}
    return session.execute(_STAND, values).all()
