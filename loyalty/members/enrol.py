"""A member joins a program: for the first time, in one more program, or again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, Unavailable
from loyalty.ledger.post import lock_accounts, open_account, start_again
from loyalty.members.identify import Identifier, add_identifiers
from loyalty.members.models import MembershipRow
from loyalty.members.queries import MemberErased, NotEnrolled, membership_of
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program


class AlreadyEnrolled(Conflict):
    """409: the member is in the program already, active or suspended."""

    code = "already_enrolled"
    title = "The member is enrolled already"
    cure = "Nothing is to be done; read the member."


@dataclass(frozen=True, slots=True)
class NewMember:
    """Who joins. None leaves what is known of a member who is in another program."""

    member_id: str
    identifiers: tuple[Identifier, ...] = ()
    name: str | None = None
    birthday: date | None = None
    time_zone: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


# The update also locks a member who was there, so that two enrolments of one member are in turn.
# Who was merged joins as the survivor.
_KNOW = text(
    """
    INSERT INTO member AS m
      (tenant_id, member_id, name, birthday, time_zone, attributes, created_at)
    VALUES (:tenant,
            coalesce((SELECT s.member_id FROM member a JOIN member s
                        ON s.tenant_id = a.tenant_id AND s.id = a.merged_into
                      WHERE a.tenant_id = :tenant AND a.member_id = :member_id), :member_id),
            :name, :birthday, :time_zone, CAST(:attributes AS jsonb), :at)
    ON CONFLICT (tenant_id, member_id) DO UPDATE SET
      name = coalesce(excluded.name, m.name),
      birthday = coalesce(excluded.birthday, m.birthday),
      time_zone = coalesce(excluded.time_zone, m.time_zone),
      attributes = m.attributes || excluded.attributes,
      version = m.version + (num_nonnulls(excluded.name, excluded.birthday, excluded.time_zone) > 0
                             OR excluded.attributes <> '{}')::int
    RETURNING m.id, m.member_id, m.merged_into, m.erased_at
    """
)


def enrol(session: Session, program: Program, order: NewMember, at: datetime) -> bool:
    """Active, on the first tier, with 0 points; who joins again keeps their account.

    Returns whether they join for the first time. Raises AlreadyEnrolled, IdentifierTaken,
    MemberErased. What was parked for the member is not touched here: see loyalty.care.join.
    """
    member_row, member_id = _know(session, order, at)
    first_time = False
    try:
        earlier = membership_of(session, program.id, order.member_id)
    except NotEnrolled:
        _join(session, program, member_row, at)
        first_time = True
    else:
        if earlier.status != "cancelled":
            raise AlreadyEnrolled(f"{order.member_id} is enrolled already ({earlier.status}).")
        _join_again(session, program, earlier.id, earlier.account_id, at)
    add_identifiers(session, member_row, order.identifiers)
    data = {"again": not first_time}
    emit(session, [Event("member.joined", f"member {member_id}", data, program.id)], at)
    return first_time


def _know(session: Session, order: NewMember, at: datetime) -> tuple[int, str]:
    row = session.execute(
        _KNOW,
        {
            "tenant": session.info["tenant_id"],
            "member_id": order.member_id,
            "name": order.name,
            "birthday": order.birthday,
            "time_zone": order.time_zone,
            "attributes": orjson.dumps(order.attributes).decode(),
            "at": at,
        },
    ).one()
    if row.erased_at is not None:
        raise MemberErased(row.member_id)
    if row.merged_into is not None:
        raise Unavailable(f"{order.member_id} is being merged.")
    return row.id, row.member_id


def _join(session: Session, program: Program, member_row: int, at: datetime) -> None:
    session.execute(
        insert(MembershipRow).values(
            tenant_id=session.info["tenant_id"],
            program_id=program.id,
            member_id=member_row,
            account_id=open_account(session, program.id),
            status="active",
            tier_key=program.first_tier.key,
            tier_since=at,
            tier_epoch=program.tier_epoch,
            joined_at=at,
        )
    )


def _join_again(
    session: Session, program: Program, membership_id: int, account_id: int, at: datetime
) -> None:
    lock_accounts(session, [account_id])
    start_again(session, account_id)
    session.execute(
        update(MembershipRow)
        .where(
            MembershipRow.tenant_id == session.info["tenant_id"],
            MembershipRow.id == membership_id,
        )
        .values(
            status="active",
            tier_key=program.first_tier.key,
            tier_since=at,
            tier_until=None,
            tier_protected_until=None,
            tier_review_at=None,
            tier_epoch=-1,  # what was counted before they left counts no more
            joined_at=at,
            left_at=None,
        )
    )
