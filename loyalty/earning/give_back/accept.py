"""Accept a return: what the outside tells is stored once per (program, source, return_id)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.accept import TransactionMismatch
from loyalty.earning.give_back.models import GiveBackRow, UnsettledGiveBackRow
from loyalty.idempotency.rules import input_hash
from loyalty.ids import uuid7
from loyalty.outbox import handover

SETTLE = "returns.settle"  # the task that settles returns


@dataclass(frozen=True, slots=True)
class GiveBack:
    """A return as a source tells it: of a purchase that it names by the ids it gave it.

    `lines` by their quantity, or an `amount` in the purchase's currency; neither is all that is
    left. `occurred_at` None: now.
    """

    source: str
    transaction_id: str
    return_id: str
    lines: Mapping[str, Decimal] | None = None
    amount: Decimal | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The stored return: `fresh` if this call stored it."""

    id: UUID
    fresh: bool


def accept_return(
    session: Session,
    program_id: int,
    told: GiveBack,
    *,
    by: By,
) -> Accepted:
    """Stores a return and wakes a worker, or finds it stored. Raises TransactionMismatch.

    Two servers with the same one at once: the second waits for the first.
    """
    tenant_id = session.info["tenant_id"]
    values = (told.transaction_id, told.lines, told.amount, told.occurred_at)
    row = {
        "tenant_id": tenant_id,
        "program_id": program_id,
        "id": uuid7(),
        "source": told.source,
        "transaction_id": told.transaction_id,
        "return_id": told.return_id,
        "lines": told.lines and [[name, str(number)] for name, number in told.lines.items()],
        "amount": told.amount,
        "occurred_at": told.occurred_at or by.at,
        "recorded_at": by.at,
        "input_hash": input_hash(values),
        "actor": by.actor,
        "request_id": by.request_id,
    }
    stored = session.execute(
        insert(GiveBackRow).values(row).on_conflict_do_nothing().returning(GiveBackRow.id)
    ).scalar_one_or_none()
    if stored is None:
        return Accepted(_same(session, row), fresh=False)
    session.execute(
        insert(UnsettledGiveBackRow).values(
            tenant_id=tenant_id,
            program_id=program_id,
            give_back_id=stored,
            status="accepted",
            accepted_at=by.at,
        )
    )
    handover.note(session, [stored], SETTLE)
    return Accepted(stored, fresh=True)


def _same(session: Session, row: Mapping[str, object]) -> UUID:
    there = session.execute(
        select(GiveBackRow.id, GiveBackRow.input_hash).where(
            GiveBackRow.tenant_id == row["tenant_id"],
            GiveBackRow.program_id == row["program_id"],
            GiveBackRow.source == row["source"],
            GiveBackRow.return_id == row["return_id"],
        )
    ).one()
    if there.input_hash != row["input_hash"]:
        raise TransactionMismatch(f"The return is stored as {there.id}, with other content.")
    same: UUID = there.id
    return same
