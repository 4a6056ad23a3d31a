"""The member's whole answer, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

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


class _Row(NamedTuple):
    """What migrations/sql/0002_lots.sql says of a member; `expiring` is [points, expires_at]."""

    member_id: str
    name: str | None
    birthday: date | None
    time_zone: str | None
    attributes: dict[str, Any]
    member_version: int
    status: str
    tier_key: str
    tier_since: datetime
    tier_until: datetime | None
    joined_at: datetime
    left_at: datetime | None
    available: int
    pending: int
    held: int
    owed: int
    lifetime: int
    tier_points: int
    expiring: list[tuple[int, str]] | None


_ANSWER = (
    f"SELECT {', '.join(_Row._fields)}"  # noqa: S608 - the names stand just above
    " FROM member_answer(%(tenant)s, %(program)s, %(member_id)s, %(at)s)"
)


def asked(
    tenant_id: int, program: Program, member_id: str, at: datetime
) -> tuple[str, dict[str, object]]:
    """The one statement of the answer and its values, as the driver takes them."""
    values = {"tenant": tenant_id, "program": program.id, "member_id": member_id, "at": at}
    return _ANSWER, values


def member_answer(session: Session, program: Program, member_id: str, at: datetime) -> MemberAnswer:
    """The member as they stand at `at`, also when they have left. Raises NotEnrolled."""
    statement, values = asked(session.info["tenant_id"], program, member_id, at)
    found = session.connection().exec_driver_sql(statement, values).one_or_none()
    return answered(program, member_id, found)


def answered(program: Program, member_id: str, found: Sequence[Any] | None) -> MemberAnswer:
    """The answer that the statement's row means. Raises NotEnrolled when there is none."""
    if found is None:
        raise NotEnrolled(member_id)
    row = _Row(*found)
    tiers = tiers_of(program)
    left = row.status == "cancelled"
    return MemberAnswer(
        member_id=row.member_id,
        status=row.status,
        tier=tier_named(tiers, row.tier_key, row.tier_points),
        tier_since=row.tier_since,
        tier_until=row.tier_until,
        next_tier=None if left else next_above(tiers, row.tier_key, row.tier_points),
        points=Figures(row.available, row.pending, row.held, row.owed, row.lifetime),
        expiring=[
            Expiring(points, datetime.fromisoformat(expires_at))
            for points, expires_at in row.expiring or ()
        ],
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
