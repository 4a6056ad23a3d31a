"""A person puts a member on a tier, and may promise it until a date."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Invalid
from loyalty.members.queries import Membership, NotActive, lock_membership
from loyalty.members.standing import standings
from loyalty.programs.queries import Program
from loyalty.tiers.change import Change, change_tiers
from loyalty.tiers.queries import held_by, ladder_of
from loyalty.tiers.rules import Held, settled


def assign_tier(
    session: Session,
    program: Program,
    member_id: str,
    key: str,
    until: datetime | None,
    *,
    reason: str,
    by: By,
) -> None:
    """Puts the member on the tier; until `until` nothing lowers it, then the policy decides.

    A tier below what was earned is risen from with the next award. Raises NotEnrolled, NotActive
    when the member has left, Invalid for an unknown tier or a date that has passed.
    """
    membership = put_on_tier(session, program, member_id, key, until, by.at)
    record(
        session,
        by,
        act="member.tier",
        subject=f"program {program.slug} member {membership.member_id}",
        before={"tier": membership.tier_key},
        after={"tier": key, "protected_until": until and until.isoformat()},
        reason=reason,
    )


def put_on_tier(
    session: Session,
    program: Program,
    member_id: str,
    key: str,
    until: datetime | None,
    at: datetime,
) -> Membership:
    """Puts the member on the tier, which somebody else writes down in the audit log; the
    membership as it was. Raises what `assign_tier` does."""
    ladder = ladder_of(program)
    if ladder.threshold(key) < 0:
        raise Invalid.field("/tier", "unknown_tier", f"The program has no tier {key!r}.")
    if until is not None and until <= at:
        raise Invalid.field("/until", "in_the_past", "The promise has ended already.")
    membership, _ = lock_membership(session, program.id, member_id)
    if membership.status == "cancelled":
        raise NotActive(membership.status)
    before = held_by(standings(session, [membership.id])[membership.id])
    after = settled(ladder, Held(key, at, protected_until=until), at)
    if key == before.key:
        after = after._replace(since=before.since)
    change_tiers(
        session, [Change(membership.id, program.id, ladder, before, after, "assigned")], at
    )
    return membership
