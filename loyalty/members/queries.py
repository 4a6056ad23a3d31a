"""Reads of memberships, and the one way to lock one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, NotFound, Unavailable
from loyalty.ledger.post import Account, lock_accounts
from loyalty.members.models import MemberRow


class NotEnrolled(NotFound):
    """404: nobody of this id has ever joined the program."""

    code = "not_enrolled"
    title = "The member is not enrolled in this program"
    cure = "Enrol the member first: POST /v1/programs/{program}/members."

    def __init__(self, member_id: str) -> None:
        super().__init__(f"{member_id} is not enrolled in this program.")


class NotActive(Conflict):
    """409: the membership is suspended or cancelled."""

    code = "not_active"
    title = "The membership is not active"
    cure = "Reinstate a suspended membership; who left can enrol again."

    def __init__(self, status: str) -> None:
        super().__init__(f"The membership is {status}.")


@dataclass(frozen=True, slots=True)
class Membership:
    """A member × program as it was read; `status` is active, suspended or cancelled."""

    id: int
    account_id: int
    status: str
    tier_key: str
    joined_at: datetime


def member_by_id(session: Session, member_id: str, *, lock: bool = False) -> MemberRow:
    """The member, of whatever program; with `lock`, nobody else can change it. Raises NotFound."""
    query = select(MemberRow).where(
        MemberRow.tenant_id == session.info["tenant_id"], MemberRow.member_id == member_id
    )
    member = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if member is None:
        raise NotFound(f"There is no member {member_id}.")
    return member


_MEMBERSHIP = text(
    "SELECT ms.id, ms.account_id, ms.status, ms.tier_key, ms.joined_at"
    " FROM member m JOIN membership ms ON ms.tenant_id = m.tenant_id AND ms.member_id = m.id"
    " WHERE m.tenant_id = :tenant AND m.member_id = :member_id AND ms.program_id = :program_id"
)
_MOST_TRIES = 3


def membership_of(session: Session, program_id: int, member_id: str) -> Membership:
    """The membership, also of who has left. Raises NotEnrolled."""
    row = session.execute(
        _MEMBERSHIP,
        {"tenant": session.info["tenant_id"], "member_id": member_id, "program_id": program_id},
    ).one_or_none()
    if row is None:
        raise NotEnrolled(member_id)
    return Membership(row.id, row.account_id, row.status, row.tier_key, row.joined_at)


def lock_membership(
    session: Session, program_id: int, member_id: str
) -> tuple[Membership, Account]:
    """Locks the account and reads the membership as it stands under that lock.

    Who changes a membership holds its account's lock. Raises NotEnrolled.
    """
    seen = membership_of(session, program_id, member_id)
    for _ in range(_MOST_TRIES):
        account = lock_accounts(session, [seen.account_id])[seen.account_id]
        membership = membership_of(session, program_id, member_id)
        if membership.account_id == account.id:
            return membership, account
        seen = membership  # it was given another account meanwhile
    raise Unavailable("The membership keeps changing its account.")
