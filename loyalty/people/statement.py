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
    """One entry: `change` by bucket, `balance` of its account after it, `cause_id` the id of what
    caused it. `id` is `<account>-<version>`."""

    id: str
    kind: str
    text: str
    change: dict[str, int]
    balance: Balance
    cause_id: UUID
    occurred_at: datetime
    recorded_at: datetime


_TOLD = """
    SELECT e.account_id, e.version, e.kind, e.from_bucket, e.to_bucket, e.points, e.pending_after,
           e.available_after, e.held_after, e.owed_after, e.cause_id, e.occurred_at, e.recorded_at,
           coalesce(j.reason, t.reason, g.told, o.reference,
                    CASE WHEN v.kind = 'bonus' THEN v.body->'why'->>'name' END,
                    v.source || ' ' || v.transaction_id, b.source || ' ' || b.return_id,
                    w.key) AS cause,
           coalesce(v.amount, r.amount) AS amount, coalesce(v.currency, r.currency) AS currency,
           t.other
"""
_CAUSES = """
    LEFT JOIN activity v ON e.kind IN ('award', 'activate') AND v.tenant_id = e.tenant_id
                        AND v.id = e.cause_id
    LEFT JOIN adjustment j ON e.kind = 'adjust' AND j.tenant_id = e.tenant_id AND j.id = e.cause_id
    LEFT JOIN opening_balance o ON e.kind = 'opening' AND o.tenant_id = e.tenant_id
                               AND o.id = e.cause_id
    LEFT JOIN give_back b ON e.kind = 'reverse' AND b.tenant_id = e.tenant_id AND b.id = e.cause_id
    LEFT JOIN redemption r ON e.kind IN ('redeem', 'hold', 'capture', 'release', 'lapse', 'cancel')
                          AND r.tenant_id = e.tenant_id AND r.id = e.cause_id
    LEFT JOIN reward w ON w.tenant_id = r.tenant_id AND w.id = r.reward_id
    LEFT JOIN LATERAL (
      SELECT x.reason, m.member_id AS other FROM transfer x
      JOIN membership ms ON ms.tenant_id = x.tenant_id AND ms.account_id
        = CASE e.account_id WHEN x.from_account THEN x.to_account ELSE x.from_account END
      JOIN member m ON m.tenant_id = x.tenant_id AND m.id = ms.member_id
      WHERE e.kind = 'transfer' AND x.tenant_id = e.tenant_id AND x.id = e.cause_id
    ) t ON true
    LEFT JOIN LATERAL (
      SELECT CASE WHEN x.undone_at = e.recorded_at
                  THEN format('the merge of %s into %s was undone', gone.member_id, heir.member_id)
                  ELSE format('%s was merged into %s', gone.member_id, heir.member_id) END AS told
      FROM member_merge x
      JOIN member gone ON gone.tenant_id = x.tenant_id AND gone.id = x.from_member
      JOIN member heir ON heir.tenant_id = x.tenant_id AND heir.id = x.into_member
      WHERE e.kind = 'merge' AND x.tenant_id = e.tenant_id AND x.id = e.cause_id
    ) g ON true
"""
_ENTRIES = text(
    f"""{_TOLD}
    FROM own_accounts(:tenant, :account) WITH ORDINALITY AS own(id, place)
    CROSS JOIN LATERAL (
      SELECT * FROM entry x WHERE x.tenant_id = :tenant AND x.account_id = own.id
        AND (CAST(:after AS bigint) IS NULL OR own.id <> :after OR x.version < :before)
      ORDER BY x.version DESC LIMIT :limit
    ) e {_CAUSES}
    WHERE CAST(:after AS bigint) IS NULL OR own.place >= (
      SELECT o.place FROM own_accounts(:tenant, :account) WITH ORDINALITY AS o(id, place)
      WHERE o.id = :after)
    ORDER BY own.place, e.version DESC LIMIT :limit
    """  # noqa: S608 - constants of this file
)
_ONE = text(
    f"{_TOLD} FROM entry e {_CAUSES}"
    " WHERE e.tenant_id = :tenant AND e.account_id = :account AND e.version = :version"
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


def statement(
    session: Session, program: Program, member_id: str, *, before: str | None, limit: int
) -> Sequence[StatementLine]:
    """The member's entries, newest first, from before the id `before`.

    After those of their own account come those of each that was merged into it. Raises
    NotEnrolled.
    """
    membership = membership_of(session, program.id, member_id)
    account, version = map(int, before.split("-")) if before else (None, None)
    rows = session.execute(
        _ENTRIES,
        {
            "tenant": session.info["tenant_id"],
            "account": membership.account_id,
            "after": account,
            "before": version,
            "limit": limit,
        },
    )
    return [_line(row, program.unit) for row in rows]


def line_of(session: Session, account_id: int, version: int, unit: str) -> StatementLine:
    """One entry that exists, told as in the statement."""
    values = {"tenant": session.info["tenant_id"], "account": account_id, "version": version}
    return _line(session.execute(_ONE, values).one(), unit)


def _line(row: Row[Any], unit: str) -> StatementLine:
    movement = Movement(
        Kind(row.kind),
        Bucket(row.from_bucket),
        Bucket(row.to_bucket),
        row.points,
        row.cause,
        row.amount,
        row.currency,
        row.other,
    )
    return StatementLine(
        f"{row.account_id}-{row.version}",
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
