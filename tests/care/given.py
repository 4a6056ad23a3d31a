"""Accounts with points of every sort."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.ledger.post import post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.members.queries import lock_membership, membership_of
from loyalty.programs.queries import Program
from loyalty.segments.save import add_segment
from loyalty.segments.upload import upload
from tests.opened import AT

DAY = timedelta(days=1)


def lot(
    session: Session,
    program: Program,
    points: int,
    member_id: str = "ann",
    *,
    expires_in: int | None = None,
    activates_in: int | None = None,
) -> None:
    """The member earns points that expire, or activate, in so many days."""
    _, account = lock_membership(session, program.id, member_id)
    account.issue(
        Kind.AWARD,
        Bucket.ISSUED,
        points,
        cause_id=uuid4(),
        occurred_at=AT,
        activates_at=None if activates_in is None else AT + activates_in * DAY,
        expires_at=None if expires_in is None else AT + expires_in * DAY,
    )
    post(session, [account], AT)


def owe(session: Session, program: Program, points: int, member_id: str = "ann") -> None:
    """Something was taken back that was not there."""
    _, account = lock_membership(session, program.id, member_id)
    account.move(
        Kind.REVERSE, Bucket.OWED, Bucket.REVERSED, points, cause_id=uuid4(), occurred_at=AT
    )
    post(session, [account], AT)


def open_lots_of(
    session: Session, program: Program, member_id: str = "ann"
) -> list[tuple[int, bool, int | None]]:
    """What is left of each open lot, whether it is active, and in how many days it expires."""
    account = membership_of(session, program.id, member_id).account_id
    return open_lots_on(session, account)


def open_lots_on(session: Session, account: int) -> list[tuple[int, bool, int | None]]:
    """The same, of an account."""
    rows = session.execute(
        text(
            "SELECT remaining, active, expires_at FROM lot WHERE account_id = :id AND open"
            " ORDER BY id"
        ),
        {"id": account},
    )
    return [(r.remaining, r.active, r.expires_at and (r.expires_at - AT).days) for r in rows]


def entries_on(session: Session, account: int) -> list[tuple[str, str, str, int]]:
    """Kind, buckets and points of every entry of an account, in their order."""
    rows = session.execute(
        text(
            "SELECT kind, from_bucket, to_bucket, points FROM entry"
            " WHERE account_id = :id ORDER BY version"
        ),
        {"id": account},
    )
    return [tuple(row) for row in rows]


def events(session: Session) -> list[tuple[str, str, dict[str, Any]]]:
    """What was told, in order."""
    rows = session.execute(text("SELECT type, subject, data FROM event ORDER BY seq"))
    return [tuple(row) for row in rows]


def account_of(session: Session, program: Program, member_id: str) -> int:
    """The account on which the member stands."""
    return membership_of(session, program.id, member_id).account_id


def new_id() -> UUID:
    """An id that nothing has."""
    return uuid4()


def listed(session: Session, program: Program, key: str, *names: str) -> None:
    """An uploaded list of a segment, with these members."""
    by = By("eve", None, AT)
    values = {"key": key, "name": key, "condition": None}
    segment = add_segment(session, program, values, by)
    upload(session, program, segment, add=names, remove=(), by=by)


def lists(session: Session) -> dict[str, tuple[int, list[str]]]:
    """Each list's size as it is told, and who is on it."""
    rows = session.execute(
        text(
            "SELECT s.key, s.size, array_agg(m.member_id ORDER BY m.member_id) AS names"
            " FROM segment s JOIN segment_member sm ON sm.segment_id = s.id"
            " JOIN membership ms ON ms.id = sm.membership_id JOIN member m ON m.id = ms.member_id"
            " GROUP BY s.key, s.size"
        )
    )
    return {row.key: (row.size, row.names) for row in rows}
