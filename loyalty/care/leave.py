"""A member leaves: what they had ends, what they did stays readable."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.ids import uuid7
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.post import open_lots, post
from loyalty.ledger.rules import Bucket, Draw, Kind
from loyalty.members.change_status import change_status
from loyalty.members.queries import Membership, lock_membership
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program
from loyalty.redemption.release import lapse_holds


def leave(
    session: Session,
    program: Program,
    member_id: str,
    *,
    by: By,
) -> None:
    """Holds lapse, pending points reverse, available ones are forfeited, a debt stays.

    Leaving twice changes nothing. Raises NotEnrolled.
    """
    leaving = uuid7()
    membership = end(session, program, member_id, leaving, by.at)
    if membership is None:
        return
    record(
        session,
        by,
        act="member.leave",
        subject=f"program {program.slug} member {membership.member_id}",
        before={"status": membership.status},
        after={"status": "cancelled"},
        record_id=leaving,
    )


def end(
    session: Session, program: Program, member_id: str, leaving: UUID, at: datetime
) -> Membership | None:
    """Ends a membership, which somebody else writes down in the audit log under the id `leaving`:
    the entries name it as their cause. The membership as it was, None when it had ended already.

    Raises NotEnrolled.
    """
    membership, account = lock_membership(session, program.id, member_id)
    if membership.status == "cancelled":
        return None
    settle_due(session, [account], at)
    lapse_holds(session, account, at)
    _empty(session, account, leaving, at)
    change_status(session, membership.id, "cancelled", at)
    emit(session, [Event("member.left", f"member {membership.member_id}", {}, program.id)], at)
    return membership


def _empty(session: Session, account: Account, leaving: UUID, at: datetime) -> None:
    for points, active, kind, source, target in (
        (account.balance.pending, False, Kind.REVERSE, Bucket.PENDING, Bucket.REVERSED),
        (account.balance.available, True, Kind.FORFEIT, Bucket.AVAILABLE, Bucket.FORFEITED),
    ):
        if points:
            lots = open_lots(session, account.id, points, at, active=active)
            draws = [Draw(lot.id, lot.remaining) for lot in lots]
            account.move(
                kind, source, target, points, cause_id=leaving, occurred_at=at, draws=draws
            )
    post(session, [account], at)
