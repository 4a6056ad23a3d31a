"""Reads of memberships, and the one way to lock one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, NotFound, Unavailable
from loyalty.ledger.account import Account
from loyalty.ledger.post import lock_accounts
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

    def __init__(self, status: str, member_id: str | None = None) -> None:
        whose = f" of {member_id}" if member_id else ""
        super().__init__(f"The membership{whose} is {status}.")


class MemberErased(Conflict):
    """409: nobody lives on under the name that an erased member got."""

    code = "member_erased"
    title = "The member was erased"
    cure = "Enrol the person under a member_id of their own."

    def __init__(self, member_id: str) -> None:
        super().__init__(f"{member_id} stands for somebody who was erased.")


@dataclass(frozen=True, slots=True)
class Membership:
    """A member × program as it was read; `status` is active, suspended or cancelled.

    `member_id` is who it is, also when they were asked for by the name of one merged into them.
    """

    id: int
    account_id: int
    status: str
    tier_key: str
    joined_at: datetime
    member_id: str


def member_by_id(session: Session, member_id: str, *, lock: bool = False) -> MemberRow:
    """The member, of whatever program: of one who was merged, the survivor.

    With `lock`, nobody else can change it. Raises NotFound.
    """
    seen = _survivor(session, member_id)
    for _ in range(_MOST_TRIES):
        query = select(MemberRow).where(
            MemberRow.tenant_id == session.info["tenant_id"], MemberRow.id == seen
        )
        member = session.scalars(query.with_for_update() if lock else query).one()
        found = _survivor(session, member_id)
        if found == seen:
            return member
        seen = found  # it was merged meanwhile
    raise Unavailable("The member keeps being merged.")


_SURVIVOR = text(
    "SELECT coalesce(merged_into, id) FROM member"
    " WHERE tenant_id = :tenant AND member_id = :member_id"
)


def _survivor(session: Session, member_id: str) -> int:
    row = session.execute(
        _SURVIVOR, {"tenant": session.info["tenant_id"], "member_id": member_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no member {member_id}.")
    return int(row[0])


# OFFSET 0 keeps coalesce() out of the look-up: behind row-level security it would use no index.
_MEMBERSHIP = text(
    "SELECT ms.id, ms.account_id, ms.status, ms.tier_key, ms.joined_at, who.member_id"
    " FROM (SELECT coalesce(merged_into, id) AS id FROM member"
    "       WHERE tenant_id = :tenant AND member_id = :member_id OFFSET 0) m"
    " JOIN membership ms ON ms.tenant_id = :tenant AND ms.program_id = :program_id"
    "   AND ms.member_id = m.id"
    " JOIN member who ON who.tenant_id = :tenant AND who.id = m.id"
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
    return Membership(
        row.id, row.account_id, row.status, row.tier_key, row.joined_at, row.member_id
    )


def lock_membership(
    session: Session, program_id: int, member_id: str
) -> tuple[Membership, Account]:
    """Locks the account and reads the membership as it stands under that lock.

    Who changes a membership holds its account's lock. Raises NotEnrolled.
    """
    [locked] = lock_memberships(session, program_id, [member_id])
    return locked


def lock_memberships(
    session: Session, program_id: int, member_ids: Sequence[str]
) -> list[tuple[Membership, Account]]:
    """Locks the accounts of all of them, in the order of the accounts' ids.

    Two names of one member share their membership and account. Raises NotEnrolled.
    """
    seen = [membership_of(session, program_id, one) for one in member_ids]
    for _ in range(_MOST_TRIES):
        attempt = session.begin_nested()
        accounts = lock_accounts(session, [one.account_id for one in seen])
        found = [membership_of(session, program_id, one) for one in member_ids]
        if [one.account_id for one in found] == [one.account_id for one in seen]:
            attempt.commit()
            return [(one, accounts[one.account_id]) for one in found]
        # A merge gave it another account meanwhile: that one is not locked while this is held.
        attempt.rollback()
        seen = found
    raise Unavailable("The membership keeps changing its account.")
