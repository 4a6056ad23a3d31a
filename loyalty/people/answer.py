"""The member's whole answer, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from loyalty.members.queries import NotEnrolled
from loyalty.programs.queries import Program
from loyalty.tiers.queries import ladder_of, total
from loyalty.tiers.rules import (
    Amount,
    Held,
    Keep,
    Ladder,
    Progress,
    Tier,
    figure,
    keep,
    next_above,
    reached,
    reviewed,
)


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
    """A member in a program. `next_tier` is the tier above and what is missing to it; `keep` what
    must be gained, and by when, to keep the present one.

    `version` is the member's, and changes when `name` … `attributes` do.
    """

    member_id: str
    status: str
    tier: Tier
    tier_since: datetime
    tier_until: datetime | None
    next_tier: tuple[Tier, Amount] | None
    keep: Keep | None
    ladder: Ladder
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
    """What migrations/sql/0005_reads.sql says of a member; `expiring` is [points, expires_at].

    Dates and instants are as JSON tells them.
    """

    member_id: str
    name: str | None
    birthday: str | None
    time_zone: str | None
    attributes: dict[str, Any]
    member_version: int
    status: str
    tier_key: str
    tier_since: str
    tier_until: str | None
    joined_at: str
    left_at: str | None
    available: int
    pending: int
    held: int
    owed: int
    lifetime: int
    tier_points: int
    expiring: list[tuple[int, str]] | None


_ANSWERS = (
    "SELECT member_told(%(tenant)s, n.program, n.member, n.at) FROM unnest("
    "CAST(%(programs)s AS integer[]), CAST(%(members)s AS text[]), CAST(%(at)s AS timestamptz[]))"
    " AS n(program, member, at)"
)
_DAYS = "SELECT tier_days_of(%(tenant)s, %(program)s, %(member_id)s)"


def asked(
    tenant_id: int, members: Sequence[tuple[int, str, datetime]]
) -> tuple[str, dict[str, object]]:
    """The one statement, and its values as the driver takes them, that answers of members, each by
    its program's id and name, as at an instant: a row each, in their order."""
    programs, named, at = map(list, zip(*members, strict=True))
    return _ANSWERS, {"tenant": tenant_id, "programs": programs, "members": named, "at": at}


def asked_days(
    tenant_id: int, program: Program, member_id: str
) -> tuple[str, dict[str, object]] | None:
    """The statement that tells what counted on which day; None where a total does."""
    if not program.settings.tier_policy.by_day:
        return None
    return _DAYS, {"tenant": tenant_id, "program": program.id, "member_id": member_id}


def member_answer(session: Session, program: Program, member_id: str, at: datetime) -> MemberAnswer:
    """The member as they stand at `at`, also when they have left. Raises NotEnrolled."""
    statement, values = asked(session.info["tenant_id"], [(program.id, member_id, at)])
    found = session.connection().exec_driver_sql(statement, values).one()
    by_day = asked_days(session.info["tenant_id"], program, member_id)
    days = by_day and session.connection().exec_driver_sql(*by_day).one_or_none()
    return answered(program, member_id, found, days, at)


def answered(
    program: Program,
    member_id: str,
    found: Sequence[Any],
    days: Sequence[Any] | None,
    at: datetime,
) -> MemberAnswer:
    """The answer that the statements' rows mean. Raises NotEnrolled when there is none.

    A tier whose period has ended is told as the review will find it.
    """
    [told] = found
    if told is None:
        raise NotEnrolled(member_id)
    row = _Row(*told)
    ladder = ladder_of(program)
    joined_at = datetime.fromisoformat(row.joined_at)
    progress = _progress(ladder, row, joined_at, days)
    held = Held(row.tier_key, datetime.fromisoformat(row.tier_since), _instant(row.tier_until))
    left = row.status == "cancelled"
    if not left:
        held = reviewed(ladder, held, progress, at)
    so_far = figure(ladder, progress, ladder.day(at))
    return MemberAnswer(
        member_id=row.member_id,
        status=row.status,
        tier=ladder.tier(held.key) or reached(ladder.tiers, so_far),
        tier_since=held.since,
        tier_until=held.until,
        next_tier=None if left else next_above(ladder.tiers, held.key, so_far),
        keep=None if left else keep(ladder, held, progress),
        ladder=ladder,
        points=Figures(row.available, row.pending, row.held, row.owed, row.lifetime),
        expiring=[
            Expiring(points, datetime.fromisoformat(expires_at))
            for points, expires_at in row.expiring or ()
        ],
        joined_at=joined_at,
        left_at=_instant(row.left_at),
        name=row.name,
        birthday=date.fromisoformat(row.birthday) if row.birthday else None,
        time_zone=row.time_zone,
        attributes=row.attributes,
        version=row.member_version,
    )


def _instant(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _progress(
    ladder: Ladder, row: _Row, joined_at: datetime, days: Sequence[Any] | None
) -> Progress:
    if not ladder.policy.by_day:
        return total(ladder, row.tier_points, joined_at)
    on_spend = ladder.policy.on == "spend"
    counted: dict[date, Amount] = {
        date.fromisoformat(day): Decimal(spend) if on_spend else points
        for day, points, spend in (days and days[0]) or ()
    }
    return Progress(counted, ladder.day(joined_at))


def tiers_of(program: Program) -> tuple[Tier, ...]:
    """The program's tiers as the rules take them."""
    return ladder_of(program).tiers


def tier_named(tiers: Sequence[Tier], key: str, tier_points: int) -> Tier:
    """The tier a member stands on; if it was taken away this instant, the one they reach."""
    for tier in tiers:
        if tier.key == key:
            return tier
    return reached(tiers, tier_points)
