"""A member joins, and what was parked for them goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.earning.parking import reopen_for
from loyalty.members.enrol import NewMember, enrol
from loyalty.programs.queries import Program


def join(session: Session, program: Program, order: NewMember, at: datetime) -> None:
    """Enrols the member and re-opens their parked purchases.

    Raises AlreadyEnrolled, IdentifierTaken.
    """
    enrol(session, program, order, at)
    reopen_for(session, program.id, order.member_id, at)
