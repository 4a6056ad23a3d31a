"""Members bring members: a code each, and who came by it."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.campaigns.referral_rule import referral_rule
from loyalty.conditions.form import refuse
from loyalty.errors import Conflict, NotFound, Unavailable
from loyalty.ids import uuid7
from loyalty.members.queries import NotActive, lock_membership

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that is mistaken for another
_LENGTH = 10  # 49 bits: nobody finds a code by trying
_TRIES = 5


class ReferralsClosed(Conflict):
    """409: the program takes no referrals now."""

    code = "referrals_closed"
    title = "The program takes no referrals now"
    cure = "Enrol without `referral_code`, or switch referrals on: PUT …/referrals/settings."


_CODE = text(
    "SELECT rc.code FROM referral_code rc"
    " JOIN member m ON m.tenant_id = rc.tenant_id AND m.id = rc.member_id"
    " WHERE rc.tenant_id = :tenant AND rc.program_id = :program AND m.member_id = :member"
)
_ADD = text(
    "INSERT INTO referral_code (tenant_id, program_id, code, member_id, created_at)"
    " SELECT :tenant, :program, :code, m.id, :at FROM member m"
    " WHERE m.tenant_id = :tenant AND m.member_id = :member ON CONFLICT DO NOTHING"
)


def referral_code(session: Session, program_id: int, member_id: str) -> str:
    """The member's code. Raises NotFound where none was made."""
    code: str | None = session.execute(
        _CODE,
        {"tenant": session.info["tenant_id"], "program": program_id, "member": member_id},
    ).scalar_one_or_none()
    if code is None:
        raise NotFound(f"{member_id} has no referral code yet.")
    return code


def make_referral_code(session: Session, program_id: int, member_id: str, at: datetime) -> str:
    """The member's code, made now if there is none: a member has one for ever.

    Raises NotEnrolled, and NotActive unless the membership is active.
    """
    membership, _ = lock_membership(session, program_id, member_id)
    if membership.status != "active":
        raise NotActive(membership.status)
    for _ in range(_TRIES):
        session.execute(
            _ADD,
            {
                "tenant": session.info["tenant_id"],
                "program": program_id,
                "member": member_id,
                "code": "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)),
                "at": at,
            },
        )
        try:
            return referral_code(session, program_id, member_id)
        except NotFound:
            continue  # somebody else has just this code
    raise Unavailable("No referral code could be made.")


_WHOSE = text(
    "SELECT ms.member_id AS referrer, ms.status, m.id AS referred FROM referral_code rc"
    " JOIN member own ON own.tenant_id = rc.tenant_id AND own.id = rc.member_id"
    " JOIN membership ms ON ms.tenant_id = rc.tenant_id AND ms.program_id = rc.program_id"
    "   AND ms.member_id = coalesce(own.merged_into, own.id)"
    " LEFT JOIN member m ON m.tenant_id = rc.tenant_id AND m.member_id = :member"
    " WHERE rc.tenant_id = :tenant AND rc.program_id = :program AND rc.code = :code"
)
_REFER = text(
    "INSERT INTO referral (tenant_id, id, program_id, referrer_id, referred_id,"
    " referrer_points, referred_points, least_amount, created_at)"
    " VALUES (:tenant, :id, :program, :referrer, :referred,"
    " :referrer_points, :referred_points, :least_amount, :at) ON CONFLICT DO NOTHING"
)


def refer(
    session: Session,
    program_id: int,
    member_id: str,
    code: str,
    *,
    first_time: bool,
    at: datetime,
) -> None:
    """The member, who has just joined, came by this code. Who joins again counts for nobody.

    Raises ReferralsClosed, and Invalid naming /referral_code for a code that is nobody's, of
    somebody who has left, or the member's own.
    """
    rule = referral_rule(session, program_id)
    if not rule.active:
        raise ReferralsClosed
    row = session.execute(
        _WHOSE,
        {
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "code": code.upper(),
            "member": member_id,
        },
    ).one_or_none()
    if row is None or row.status == "cancelled":
        raise refuse("/referral_code", "unknown_code", "No member of the program has this code.")
    if row.referrer == row.referred:
        raise refuse("/referral_code", "own_code", "Nobody can refer themselves.")
    if first_time:
        session.execute(
            _REFER,
            {
                "tenant": session.info["tenant_id"],
                "id": uuid7(),
                "program": program_id,
                "referrer": row.referrer,
                "referred": row.referred,
                "referrer_points": rule.referrer_points,
                "referred_points": rule.referred_points,
                "least_amount": rule.least_amount,
                "at": at,
            },
        )
