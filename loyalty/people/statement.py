"""The statement: what happened to a member's points, entry by entry, and the balance back then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.ledger.rules import Balance, Bucket, Kind
from loyalty.members.queries import membership_of
from loyalty.people.rules import Movement, change, sentence
from loyalty.programs.queries import Program


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry: `change` by bucket, `balance` after it, `cause_id` the id of what caused it."""

    id: int
    kind: str
    text: str
    change: dict[str, int]
    balance: Balance
    cause_id: UUID
    occurred_at: datetime
    recorded_at: datetime


_ENTRIES = text(
    """
    SELECT e.version, e.kind, e.from_bucket, e.to_bucket, e.points, e.pending_after,
           e.available_after, e.held_after, e.owed_after, e.cause_id, e.occurred_at, e.recorded_at,
           coalesce(j.reason, CASE WHEN v.kind = 'bonus' THEN v.body->'why'->>'name' END,
                    v.source || ' ' || v.transaction_id, g.source || ' ' || g.return_id) AS cause,
           coalesce(v.amount, r.amount) AS amount, coalesce(v.currency, r.currency) AS currency
    FROM entry e
    LEFT JOIN activity v ON e.kind IN ('award', 'activate') AND v.tenant_id = e.tenant_id
                        AND v.id = e.cause_id
    LEFT JOIN adjustment j ON e.kind = 'adjust' AND j.tenant_id = e.tenant_id AND j.id = e.cause_id
    LEFT JOIN give_back g ON e.kind = 'reverse' AND g.tenant_id = e.tenant_id AND g.id = e.cause_id
    LEFT JOIN redemption r ON e.kind = 'redeem' AND r.tenant_id = e.tenant_id AND r.id = e.cause_id
    WHERE e.tenant_id = :tenant AND e.account_id = :account AND e.version < :before
    ORDER BY e.version DESC LIMIT :limit
    """
)
# `ripe` has activated by then and `gone` has expired, although nobody has written it yet: no verb
# has touched those lots since, or it would have.
_BALANCE = text(
    """
    SELECT (e.pending - d.ripe)::bigint AS pending,
           (e.available + d.ripe - d.gone)::bigint AS available, e.held::bigint, e.owed::bigint
    FROM (
      SELECT coalesce(sum(moved('pending', from_bucket, to_bucket, points)), 0) AS pending,
             coalesce(sum(moved('available', from_bucket, to_bucket, points)), 0) AS available,
             coalesce(sum(moved('held', from_bucket, to_bucket, points)), 0) AS held,
             coalesce(sum(moved('owed', from_bucket, to_bucket, points)), 0) AS owed
      FROM entry
      WHERE tenant_id = :tenant AND account_id = :account
        AND occurred_at <= :as_of AND recorded_at <= :known_at
    ) e, (
      SELECT coalesce(sum(remaining) FILTER (WHERE NOT active), 0) AS ripe,
             coalesce(sum(remaining) FILTER (WHERE expires_at <= :as_of), 0) AS gone
      FROM lot
      WHERE tenant_id = :tenant AND account_id = :account AND open AND due_at <= :as_of
        AND CAST(:known_at AS timestamptz) >= CAST(:at AS timestamptz)
    ) d
    """
)
_AFTER_THE_LAST = 2**63 - 1


def statement(
    session: Session, program: Program, member_id: str, *, before: int | None, limit: int
) -> Sequence[StatementLine]:
    """The member's entries, newest first, from before the id `before`. Raises NotEnrolled."""
    membership = membership_of(session, program.id, member_id)
    rows = session.execute(
        _ENTRIES,
        {
            "tenant": session.info["tenant_id"],
            "account": membership.account_id,
            "before": _AFTER_THE_LAST if before is None else before,
            "limit": limit,
        },
    )
    return [_line(row, program.unit) for row in rows]


def _line(row: Row[Any], unit: str) -> StatementLine:
    movement = Movement(
        Kind(row.kind),
        Bucket(row.from_bucket),
        Bucket(row.to_bucket),
        row.points,
        row.cause,
        row.amount,
        row.currency,
    )
    return StatementLine(
        row.version,
        row.kind,
        sentence(movement, unit),
        change(movement),
        Balance(row.pending_after, row.available_after, row.held_after, row.owed_after),
        row.cause_id,
        row.occurred_at,
        row.recorded_at,
    )


def balance_at(
    session: Session,
    program: Program,
    member_id: str,
    at: datetime,
    *,
    as_of: datetime,
    known_at: datetime,
) -> Balance:
    """The balance of what had occurred by `as_of`, as far as it was recorded by `known_at`.

    Known at the present instant `at` is also what time has done by `as_of` and nobody has written
    yet; known earlier is only what was written by then. Raises NotEnrolled.
    """
    membership = membership_of(session, program.id, member_id)
    row = session.execute(
        _BALANCE,
        {
            "tenant": session.info["tenant_id"],
            "account": membership.account_id,
            "as_of": as_of,
            "known_at": known_at,
            "at": at,
        },
    ).one()
    return Balance(row.pending, row.available, row.held, row.owed)
