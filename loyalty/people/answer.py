"""The member's whole answer, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.members.queries import NotEnrolled
from loyalty.programs.queries import Program
from loyalty.tiers.rules import Tier, next_above, reached


@dataclass(frozen=True, slots=True)
class Expiring:
    """Available points that expire together."""

    points: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """Where the points stand; `owed` is a debt, `lifetime` all that was ever given."""

    available: int
    pending: int
    held: int
    owed: int
    lifetime: int


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """A member in a program. `next_tier` is the tier above and the tier points it is away.

    `version` is the member's, and changes when `name` … `attributes` do.
    """

    member_id: str
    status: str
    tier: Tier
    tier_since: datetime
    tier_until: datetime | None
    next_tier: tuple[Tier, int] | None
    points: Figures
    expiring: Sequence[Expiring]
    joined_at: datetime
    left_at: datetime | None
    name: str | None
    birthday: date | None
    time_zone: str | None
    attributes: dict[str, Any]
    version: int


# migrations/sql/0001_reads.sql: one statement, whose plan Postgres keeps.
_ANSWER = text("SELECT * FROM member_answer(:tenant, :program, :member_id, :at)")


def member_answer(session: Session, program: Program, member_id: str, at: datetime) -> MemberAnswer:
    """The member as they stand at `at`, also when they have left. Raises NotEnrolled."""
    row = session.execute(
        _ANSWER,
        {
            "tenant": session.info["tenant_id"],
            "program": program.id,
            "member_id": member_id,
            "at": at,
        },
    ).one_or_none()
    if row is None:
        raise NotEnrolled(member_id)
    tiers = tiers_of(program)
    left = row.status == "cancelled"
    return MemberAnswer(
        member_id=row.member_id,
        status=row.status,
        tier=tier_named(tiers, row.tier_key, row.tier_points),
        tier_since=row.tier_since,
        tier_until=row.tier_until,
        next_tier=None if left else next_above(tiers, row.tier_key, row.tier_points),
        points=Figures(row.available - row.expired, row.pending, row.held, row.owed, row.lifetime),
        expiring=_expiring(row),
        joined_at=row.joined_at,
        left_at=row.left_at,
        name=row.name,
        birthday=row.birthday,
        time_zone=row.time_zone,
        attributes=row.attributes,
        version=row.member_version,
    )


def tiers_of(program: Program) -> list[Tier]:
    """The program's tiers as the rules take them."""
    return [Tier(tier.key, tier.name, tier.threshold) for tier in program.tiers]


def tier_named(tiers: Sequence[Tier], key: str, tier_points: int) -> Tier:
    """The tier a member stands on; if it was taken away this instant, the one they reach."""
    for tier in tiers:
        if tier.key == key:
            return tier
    return reached(tiers, tier_points)


def _expiring(row: Row[Any]) -> list[Expiring]:
    return [
        Expiring(points, datetime.fromisoformat(expires_at))
        for points, expires_at in row.expiring or ()
    ]
