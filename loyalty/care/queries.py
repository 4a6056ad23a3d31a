"""Reads of what was asked for and done for members: requests, transfers, merges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.ledger.rules import Balance
from loyalty.programs.queries import Program

_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Request:
    """An adjustment that was asked for. `status`: requested, approved, rejected or expired."""

    id: UUID
    program: str
    member_id: str
    points: int
    reason: str
    status: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None


_REQUEST = """
    SELECT r.id, p.slug, m.member_id, r.points, r.reason,
           CASE WHEN r.status = 'requested' AND r.expires_at <= :at THEN 'expired'
                ELSE r.status END AS status,
           r.requested_by, r.requested_at, r.expires_at, r.decided_by, r.decided_at,
           r.decision_reason, r.program_id
    FROM adjustment_request r
    JOIN program p ON p.tenant_id = r.tenant_id AND p.id = r.program_id
    JOIN member m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
    WHERE r.tenant_id = :tenant
"""
_ONE_REQUEST = text(f"{_REQUEST} AND r.id = :id")
_LOCKED_REQUEST = text(f"{_REQUEST} AND r.id = :id FOR UPDATE OF r")
_REQUESTS = text(
    f"SELECT * FROM ({_REQUEST} AND r.program_id = :program AND r.id < :before) found"  # noqa: S608
    " WHERE CAST(:status AS text) IS NULL OR status = :status ORDER BY id DESC LIMIT :limit"
)


def read_request(
    session: Session, asked_id: UUID, at: datetime, *, lock: bool = False
) -> tuple[Request, int]:
    """The request as it stands at `at`, and its program's id. Raises NotFound."""
    row = session.execute(
        _LOCKED_REQUEST if lock else _ONE_REQUEST,
        {"tenant": session.info["tenant_id"], "id": asked_id, "at": at},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no adjustment request {asked_id}.")
    return Request(*row[:-1]), row.program_id


def requests(
    session: Session,
    program: Program,
    at: datetime,
    *,
    status: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Request]:
    """The program's requests, newest first, from before the id `before`."""
    rows = session.execute(
        _REQUESTS,
        {
            "tenant": session.info["tenant_id"],
            "program": program.id,
            "at": at,
            "status": status,
            "before": before or _LAST_ID,
            "limit": limit,
        },
    )
    return [Request(*row[:-1]) for row in rows]


@dataclass(frozen=True, slots=True)
class Transferred:
    """Points that one member gave to another."""

    id: UUID
    program: str
    giver: str
    taker: str
    points: int
    reason: str
    actor: str
    occurred_at: datetime


_TRANSFER = """
    SELECT t.id, p.slug, giver.member_id, taker.member_id, t.points, t.reason, t.actor,
           t.occurred_at
    FROM transfer t
    JOIN program p ON p.tenant_id = t.tenant_id AND p.id = t.program_id
    JOIN membership one ON one.tenant_id = t.tenant_id AND one.account_id = t.from_account
    JOIN member giver ON giver.tenant_id = t.tenant_id AND giver.id = one.member_id
    JOIN membership other ON other.tenant_id = t.tenant_id AND other.account_id = t.to_account
    JOIN member taker ON taker.tenant_id = t.tenant_id AND taker.id = other.member_id
    WHERE t.tenant_id = :tenant
"""
_ONE_TRANSFER = text(f"{_TRANSFER} AND t.id = :id")
_TRANSFERS = text(
    f"{_TRANSFER} AND t.program_id = :program AND t.id < :before"
    " AND (CAST(:member AS text) IS NULL OR :member IN (giver.member_id, taker.member_id))"
    " ORDER BY t.id DESC LIMIT :limit"
)


def _transferred(row: Row[Any]) -> Transferred:
    return Transferred(*tuple(row))


def read_transfer(session: Session, transfer_id: UUID) -> Transferred:
    """One transfer. Raises NotFound."""
    row = session.execute(
        _ONE_TRANSFER, {"tenant": session.info["tenant_id"], "id": transfer_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no transfer {transfer_id}.")
    return _transferred(row)


def transfers(
    session: Session, program: Program, *, member_id: str | None, before: UUID | None, limit: int
) -> Sequence[Transferred]:
    """The program's transfers, or those of a member, newest first, from before the id `before`."""
    rows = session.execute(
        _TRANSFERS,
        {
            "tenant": session.info["tenant_id"],
            "program": program.id,
            "member": member_id,
            "before": before or _LAST_ID,
            "limit": limit,
        },
    )
    return [_transferred(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What a merge did in one program: the balance that was absorbed, and how the survivor stood
    after it."""

    program: str
    status: str
    tier: str
    absorbed: Balance
    balance: Balance


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge. `undone_at` is None while the two are one."""

    id: UUID
    absorbed: str
    survivor: str
    reason: str | None
    actor: str
    merged_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    undo_reason: str | None
    programs: Sequence[Absorbed]


_MERGE = text(
    """
    SELECT g.id, one.member_id AS absorbed, other.member_id AS survivor, g.reason, g.actor,
           g.merged_at, g.undone_at, g.undone_by, g.undo_reason, g.before, g.after,
           g.from_member, g.into_member,
           (SELECT json_object_agg(p.id, p.slug) FROM program p WHERE p.tenant_id = g.tenant_id)
             AS programs
    FROM member_merge g
    JOIN member one ON one.tenant_id = g.tenant_id AND one.id = g.from_member
    JOIN member other ON other.tenant_id = g.tenant_id AND other.id = g.into_member
    WHERE g.tenant_id = :tenant AND g.id = :id
    """
)


def read_merge(session: Session, merge_id: UUID) -> Merged:
    """One merge. Raises NotFound."""
    row = session.execute(
        _MERGE, {"tenant": session.info["tenant_id"], "id": merge_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no merge {merge_id}.")
    return Merged(
        row.id,
        row.absorbed,
        row.survivor,
        row.reason,
        row.actor,
        row.merged_at,
        row.undone_at,
        row.undone_by,
        row.undo_reason,
        _absorbed(row),
    )


def _absorbed(row: Row[Any]) -> list[Absorbed]:
    was, became = (
        {one["id"]: one for one in stand["account"]} for stand in (row.before, row.after)
    )
    theirs = {
        one["program_id"]: one for one in row.before["membership"] if _is(one, row.from_member)
    }
    own = {one["program_id"]: one for one in row.after["membership"] if _is(one, row.into_member)}
    return [
        Absorbed(
            row.programs[str(program)],
            own[program]["status"],
            own[program]["tier_key"],
            _balance(was[one["account_id"]]),
            _balance(became[own[program]["account_id"]]),
        )
        for program, one in sorted(theirs.items())
    ]


def _is(membership: dict[str, Any], member: int) -> bool:
    return bool(membership["member_id"] == member)


def _balance(account: dict[str, Any]) -> Balance:
    return Balance(account["pending"], account["available"], account["held"], account["owed"])
