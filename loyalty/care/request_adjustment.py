"""An adjustment above what one person may do alone: it is asked for, and a second decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.care.adjust import Adjust, adjust
from loyalty.care.models import AdjustmentRequestRow
from loyalty.care.queries import Request, read_request
from loyalty.errors import Conflict, Forbidden
from loyalty.ids import uuid7
from loyalty.members.queries import NotActive, member_by_id, membership_of
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program, program_by_id
from loyalty.tenants.principal import person_of


class OwnRequest(Forbidden):
    """403: nobody decides what they have asked for."""

    code = "own_request"
    title = "Nobody decides what they have asked for"
    cure = "Let another person, signed in by a token of their own, approve or reject it."


class AlreadyDecided(Conflict):
    """409: the request was approved, rejected, or is over."""

    code = "already_decided"
    title = "The request is not open any more"
    cure = "Read the request; ask again if the points are still to be moved."


def request_adjustment(
    session: Session,
    program: Program,
    member_id: str,
    order: Adjust,
    *,
    by: By,
) -> Request:
    """Asks; no point is moved yet. Raises NotEnrolled, NotActive when the member has left."""
    membership = membership_of(session, program.id, member_id)
    if membership.status == "cancelled":
        raise NotActive(membership.status)
    asked = Request(
        uuid7(),
        program.slug,
        membership.member_id,
        order.points,
        order.reason,
        "requested",
        by.actor,
        by.at,
        by.at + timedelta(days=program.settings.approval.expires_after_days),
    )
    session.execute(
        insert(AdjustmentRequestRow).values(
            tenant_id=session.info["tenant_id"],
            id=asked.id,
            program_id=program.id,
            member_id=member_by_id(session, asked.member_id).id,
            points=asked.points,
            reason=asked.reason,
            status=asked.status,
            requested_by=by.actor,
            requested_at=by.at,
            expires_at=asked.expires_at,
            request_id=by.request_id,
        )
    )
    _tell(session, asked, "request", program.id, order.reason, by)
    return asked


def decide(
    session: Session,
    asked_id: UUID,
    verdict: Literal["approved", "rejected"],
    *,
    reason: str | None,
    person: str | None,
    by: By,
) -> Request:
    """Approves, so that the points move now, or rejects. `person` is None for who is none: a key.

    An approval that the balance does not allow leaves the request open. Raises NotFound,
    OwnRequest, AlreadyDecided, and what `adjust` raises.
    """
    asked, program_id = read_request(session, asked_id, by.at, lock=True)
    if person is None or person == person_of(asked.requested_by):
        raise OwnRequest(f"It was asked for by {asked.requested_by}.")
    if asked.status != "requested":
        raise AlreadyDecided(f"The request is {asked.status}.")
    if verdict == "approved":
        adjust(
            session,
            program_by_id(session, program_id),
            asked.member_id,
            Adjust(asked.points, asked.reason),
            adjustment_id=asked.id,
            by=By(asked.requested_by, by.request_id, by.at),
        )
    session.execute(
        update(AdjustmentRequestRow)
        .where(
            AdjustmentRequestRow.tenant_id == session.info["tenant_id"],
            AdjustmentRequestRow.id == asked_id,
        )
        .values(status=verdict, decided_by=by.actor, decided_at=by.at, decision_reason=reason)
    )
    decided = replace(
        asked, status=verdict, decided_by=by.actor, decided_at=by.at, decision_reason=reason
    )
    act = "approve" if verdict == "approved" else "reject"
    _tell(session, decided, act, program_id, reason, by)
    return decided


def _tell(
    session: Session,
    asked: Request,
    act: str,
    program_id: int,
    reason: str | None,
    by: By,
) -> None:
    told = {"request": str(asked.id), "points": asked.points, "status": asked.status}
    record(
        session,
        by,
        act=f"adjustment.{act}",
        subject=f"program {asked.program} member {asked.member_id}",
        after=told,
        reason=reason,
    )
    about = f"member {asked.member_id}"
    emit(session, [Event(f"adjustment.{asked.status}", about, told, program_id)], by.at)
