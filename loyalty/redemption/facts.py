"""What a reward's conditions see of a member; only what they ask for is read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.conditions.facts import Ask, Fact, MemberFacts, days_from
from loyalty.programs.queries import Program
from loyalty.segments.queries import segments_of
from loyalty.tiers.queries import tier_at

_MEMBER = text(
    "SELECT ms.tier_key, ms.tier_until, ms.joined_at, a.tier_points,"
    " m.attributes, m.birthday, m.time_zone"
    " FROM membership ms JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id"
    " JOIN account a ON a.tenant_id = ms.tenant_id AND a.id = ms.account_id"
    " WHERE ms.tenant_id = :tenant AND ms.id = :membership"
)


def facts_of(
    session: Session,
    program: Program,
    membership_id: int,
    asks: Collection[Ask],
    at: datetime,
) -> MemberFacts:
    """The member as they stand at `at`; the account is locked."""
    row = session.execute(
        _MEMBER, {"tenant": session.info["tenant_id"], "membership": membership_id}
    ).one()
    keys = {name for fact, name in asks if fact is Fact.SEGMENT}
    segments = segments_of(session, [membership_id], at, keys=keys)
    tier = row.tier_key
    if row.tier_until is not None and row.tier_until <= at:
        tier = tier_at(session, program.id, membership_id, row.tier_points, at)
    zone = ZoneInfo(program.time_zone)
    own_zone = ZoneInfo(row.time_zone) if row.time_zone else zone
    return MemberFacts(
        joined_at=row.joined_at,
        tier=tier,
        tier_points=row.tier_points,
        attributes=row.attributes,
        segments=segments.get(membership_id, frozenset()),
        days_from_birthday=(
            days_from(row.birthday, at.astimezone(own_zone).date()) if row.birthday else None
        ),
        days_from_joining=days_from(
            row.joined_at.astimezone(zone).date(), at.astimezone(zone).date()
        ),
    )
