"""Suspend and reinstate: meanwhile purchases are parked and burns are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from loyalty.audit.record import record
from loyalty.earning.parking import reopen_for
from loyalty.members.change_status import change_status
from loyalty.members.queries import NotActive, lock_membership
from loyalty.programs.queries import Program


def suspend(
    session: Session,
    program: Program,
    member_id: str,
    *,
    reason: str,
    actor: str,
    request_id: str | None,
    at: datetime,
) -> None:
    """Suspends an active membership; one that is suspended stays so.

    Raises NotEnrolled, and NotActive when the member has left.
    """
    _turn(session, program, member_id, "suspended", reason, actor, request_id, at)


def reinstate(
    session: Session,
    program: Program,
    member_id: str,
    *,
    reason: str,
    actor: str,
    request_id: str | None,
    at: datetime,
) -> None:
    """Makes a suspended membership active; what was parked meanwhile goes on.

    Raises NotEnrolled, and NotActive when the member has left.
    """
    if _turn(session, program, member_id, "active", reason, actor, request_id, at):
        reopen_for(session, program.id, member_id, at)


def _turn(
    session: Session,
    program: Program,
    member_id: str,
    status: Literal["active", "suspended"],
    reason: str,
    actor: str,
    request_id: str | None,
    at: datetime,
) -> bool:
    membership, _ = lock_membership(session, program.id, member_id)
    if membership.status == "cancelled":
        raise NotActive(membership.status)
    if membership.status == status:
        return False
    change_status(session, membership.id, status, at)
    record(
        session,
        actor=actor,
        act="member.suspend" if status == "suspended" else "member.reinstate",
        subject=f"program {program.slug} member {membership.member_id}",
        before={"status": membership.status},
        after={"status": status},
        reason=reason,
        request_id=request_id,
        at=at,
    )
    return True
