"""A member joins, and what was parked for them goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.campaigns.refer import refer
from loyalty.earning.parking import reopen_for
from loyalty.members.enrol import NewMember, enrol
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.tiers.count_again import count_again


def join(
    session: Session,
    program: Program,
    order: NewMember,
    at: datetime,
    *,
    referral_code: str | None = None,
) -> None:
    """Enrols the member, notes who brought them, and re-opens their parked purchases.

    Raises AlreadyEnrolled, IdentifierTaken, ReferralsClosed, and Invalid for a wrong code.
    """
    first_time = enrol(session, program, order, at)
    if not first_time and program.settings.tier_policy.by_day:
        count_again(session, [membership_of(session, program.id, order.member_id).account_id])
    if referral_code is not None:
        refer(session, program.id, order.member_id, referral_code, first_time=first_time, at=at)
    reopen_for(session, program.id, order.member_id, at)
