"""Go on: one batch of a run. Purchases are worked out again in the order of their ids.

The run's row is locked and says how far it is, so that a batch is done once, whoever is killed.
Then the accounts of the whole batch, in the order of all locks, and budgets last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from loyalty.care.re_evaluate.correct import Corrected, correct, open_desk
from loyalty.care.re_evaluate.models import ReEvaluationRow
from loyalty.errors import Unavailable
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.post import lock_accounts
from loyalty.outbox.emit import Event, emit

MOST_AT_ONCE = 20  # purchases worked out in one transaction: their accounts are locked so long
_MOST_PASSED = 2000  # and rows looked at, so that a batch ends where nearly nothing matches

# The page is taken by the key; what does not match within it is passed over.
_BATCH = text(
    """
    SELECT a.id, a.kind, a.occurred_at, a.amount, a.currency, a.retailer, a.body, w.account_id,
           page.last AS passed
    FROM (SELECT array_agg(p.id) AS ids, max(p.id::text)::uuid AS last FROM (
            SELECT x.id FROM activity x WHERE x.tenant_id = :tenant AND x.id > :at_id
              AND x.id < :last_id ORDER BY x.id LIMIT :passed) p) page
    JOIN activity a ON a.tenant_id = :tenant AND a.id = ANY (page.ids)
    JOIN award w ON w.tenant_id = a.tenant_id AND w.activity_id = a.id
    WHERE a.program_id = :program AND a.kind <> 'bonus' AND w.explanation->'erased' IS NULL
      AND a.occurred_at >= :first AND a.occurred_at < :after
      AND (CAST(:source AS text) IS NULL OR a.source = :source)
    ORDER BY a.id LIMIT :most
    """
)
_PASSED = text(
    "SELECT max(p.id::text)::uuid FROM (SELECT x.id FROM activity x WHERE x.tenant_id = :tenant"
    " AND x.id > :at_id AND x.id < :last_id ORDER BY x.id LIMIT :passed) p"
)
_HEIRS = text(
    "SELECT from_account, into_account FROM merged_account"
    " WHERE tenant_id = :tenant AND from_account = ANY(:accounts) AND NOT undone"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """The purchases of a batch, and up to which id the run is then through; None: to its end."""

    rows: Sequence[Row[Any]]
    up_to: UUID | None


def go_on(session: Session, run_id: UUID, at: datetime) -> str | None:
    """Does a batch; the run's status after it, or None when there is none to do."""
    run = session.scalars(
        select(ReEvaluationRow)
        .where(
            ReEvaluationRow.tenant_id == session.info["tenant_id"],
            ReEvaluationRow.id == run_id,
            ReEvaluationRow.status == "running",
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        return None
    batch = _next(session, run)
    if batch.rows:
        savepoint = session.begin_nested() if run.dry_run else None
        found = _corrected(session, run, batch.rows, at)
        if savepoint:
            savepoint.rollback()
        for one in found:
            _count(run, one)
    run.moved_at = at
    if batch.up_to is None:
        run.status, run.ended_at = "done", at
        told = {"re_evaluation": str(run.id), "corrected": run.corrected, "dry_run": run.dry_run}
        subject = f"re-evaluation {run.id}"
        emit(session, [Event("re_evaluation.done", subject, told, run.program_id)], at)
    else:
        run.at_id = batch.up_to
    session.flush()
    return run.status


def _next(session: Session, run: ReEvaluationRow) -> Batch:
    values = {
        "tenant": run.tenant_id,
        "program": run.program_id,
        "at_id": run.at_id,
        "last_id": run.last_id,
        "first": run.occurred_from,
        "after": run.occurred_until,
        "source": run.source,
        "most": MOST_AT_ONCE,
        "passed": _MOST_PASSED,
    }
    rows = session.execute(_BATCH, values).all()
    if len(rows) == MOST_AT_ONCE:
        return Batch(rows, rows[-1].id)
    return Batch(rows, rows[0].passed if rows else session.execute(_PASSED, values).scalar())


def _count(run: ReEvaluationRow, one: Corrected | None) -> None:
    run.looked += 1
    if one is None:
        return
    run.corrected += 1
    run.skipped += one.skipped
    run.given += max(0, one.difference) * (not one.skipped)
    run.taken += max(0, -one.difference) * (not one.skipped)


def _corrected(
    session: Session, run: ReEvaluationRow, rows: Sequence[Row[Any]], at: datetime
) -> list[Corrected | None]:
    accounts, heirs = _lock(session, {row.account_id for row in rows})
    settle_due(session, accounts.values(), at)
    desk = open_desk(session, run, rows, accounts.values(), heirs, at)
    found = [correct(session, desk, row, accounts[desk.stands_on(row)], at) for row in rows]
    desk.close(session)
    return found


def _lock(session: Session, account_ids: set[int]) -> tuple[dict[int, Account], dict[int, int]]:
    """Locks the accounts that earned and the heirs of those that were merged."""
    heirs = _heirs(session, account_ids)
    accounts = lock_accounts(session, account_ids | set(heirs.values()))
    if _heirs(session, account_ids) != heirs:
        raise Unavailable("An account was merged just now.")
    return accounts, heirs


def _heirs(session: Session, account_ids: set[int]) -> dict[int, int]:
    values = {"tenant": session.info["tenant_id"], "accounts": sorted(account_ids)}
    return {row.from_account: row.into_account for row in session.execute(_HEIRS, values)}


def fail_run(session: Session, run_id: UUID, detail: str, at: datetime) -> None:
    """A batch that can't be done for a fault of our own: the run stops there, and says why."""
    session.execute(
        text(
            "UPDATE re_evaluation SET status = 'failed', detail = :detail, ended_at = :at"
            " WHERE tenant_id = :tenant AND id = :id AND status = 'running'"
        ),
        {"tenant": session.info["tenant_id"], "id": run_id, "detail": detail, "at": at},
    )
