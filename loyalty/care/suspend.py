"""Suspend and reinstate: meanwhile purchases are parked and burns are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.earning.parking import reopen_for
from loyalty.members.change_status import change_status
from loyalty.members.queries import Membership, NotActive, lock_membership
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program


def suspend(
    session: Session,
    program: Program,
    member_id: str,
    *,
    reason: str,
    by: By,
) -> None:
    """Suspends an active membership; one that is suspended stays so.

    Raises NotEnrolled, and NotActive when the member has left.
    """
    _turn(session, program, member_id, "suspended", reason, by=by)


def reinstate(
    session: Session,
    program: Program,
    member_id: str,
    *,
    reason: str,
    by: By,
) -> None:
    """Makes a suspended membership active; what was parked meanwhile goes on.

    Raises NotEnrolled, and NotActive when the member has left.
    """
    _turn(session, program, member_id, "active", reason, by=by)


def _turn(
    session: Session,
    program: Program,
    member_id: str,
    status: Literal["active", "suspended"],
    reason: str,
    by: By,
) -> None:
    membership = turn(session, program, member_id, status, by.at)
    if membership is None:
        return
    record(
        session,
        by,
        act="member.suspend" if status == "suspended" else "member.reinstate",
        subject=f"program {program.slug} member {membership.member_id}",
        before={"status": membership.status},
        after={"status": status},
        reason=reason,
    )


def turn(
    session: Session,
    program: Program,
    member_id: str,
    status: Literal["active", "suspended"],
    at: datetime,
) -> Membership | None:
    """Changes the status, which somebody else writes down in the audit log; what was parked for
    who is active again goes on. The membership as it was, None when it was so already.

    Raises NotEnrolled, and NotActive when the member has left.
    """
    membership, _ = lock_membership(session, program.id, member_id)
    if membership.status == "cancelled":
        raise NotActive(membership.status)
    if membership.status == status:
        return None
    change_status(session, membership.id, status, at)
    name = "member.suspended" if status == "suspended" else "member.reinstated"
    emit(session, [Event(name, f"member {membership.member_id}", {}, program.id)], at)
    if status == "active":
        reopen_for(session, program.id, member_id, at)
    return membership
