"""A till tells its total of a day; it is compared with what was taken, now and whenever asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.catalogue.queries import facts_of
from loyalty.earning.accept import AHEAD
from loyalty.earning.totals.models import SourceTotalRow
from loyalty.earning.totals.rules import NOTHING, Total, bounds
from loyalty.errors import NotFound
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program

MOST_LISTED = 1000  # transaction ids of each kind that an answer names


@dataclass(frozen=True, slots=True)
class Named:
    """Which day of which source is compared: per program and currency."""

    source: str
    day: date
    currency: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a source told and what was taken of it, by what became of that.

    Of the transaction ids that it named: `missing` never came, `elsewhere` came with another day
    or currency; `unexpected` came and were not named. Each list is cut at 1000.
    """

    named: Named
    time_zone: str
    told: Total
    told_at: datetime
    taken: Mapping[str, Total]
    missing: Sequence[str] = field(default_factory=tuple)
    elsewhere: Sequence[str] = field(default_factory=tuple)
    unexpected: Sequence[str] = field(default_factory=tuple)

    @property
    def difference(self) -> Total:
        """What was taken less what was told: below zero, something did not come."""
        return sum(self.taken.values(), NOTHING) - self.told

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return self.difference == NOTHING and not (
            self.missing or self.elsewhere or self.unexpected
        )


def tell_total(
    session: Session,
    program: Program,
    named: Named,
    told: Total,
    transaction_ids: Sequence[str] | None,
    *,
    actor: str,
    at: datetime,
) -> Comparison:
    """Stores what a source says of a day, in place of what it said before, and compares."""
    row = {"count": told.count, "amount": told.amount, "actor": actor, "told_at": at}
    session.execute(
        insert(SourceTotalRow)
        .values(
            tenant_id=session.info["tenant_id"],
            program_id=program.id,
            source=named.source,
            day=named.day,
            currency=named.currency,
            **row,
        )
        .on_conflict_do_update(constraint="source_total_pkey", set_=row)
    )
    found = compare(session, program, named, transaction_ids)
    if not found.agrees:
        apart = {
            "source": named.source,
            "day": named.day.isoformat(),
            "currency": named.currency,
            "count": found.difference.count,
            "amount": str(found.difference.amount),
        }
        subject = f"source {named.source} {named.day}"
        emit(session, [Event("totals.differ", subject, apart, program.id)], at)
    return found


def compare(
    session: Session, program: Program, named: Named, transaction_ids: Sequence[str] | None = None
) -> Comparison:
    """What was told of a day beside what is there now. Raises NotFound when nothing was told."""
    row = session.scalars(
        select(SourceTotalRow)
        .where(
            SourceTotalRow.tenant_id == session.info["tenant_id"],
            SourceTotalRow.program_id == program.id,
            SourceTotalRow.source == named.source,
            SourceTotalRow.day == named.day,
            SourceTotalRow.currency == named.currency,
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound(f"{named.source} told no total of {named.day} in {named.currency}.")
    retailer = facts_of(session, [named.source], []).retailers.get(named.source)
    zone = (retailer and retailer.time_zone) or program.time_zone
    taken = _taken(session, program, named, zone)
    lists = (
        {} if transaction_ids is None else _lists(session, program, named, zone, transaction_ids)
    )
    return Comparison(named, zone, Total(row.count, row.amount), row.told_at, taken, **lists)


# Ids sort by when a purchase was recorded, which is not before it occurred (10 minutes are let
# pass) nor later than the late window; ids follow the world's clock, whatever the tenant's.
_OF_THE_DAY = """
    a.tenant_id = :tenant AND a.program_id = :program AND a.source = :source
    AND a.kind = 'purchase' AND a.currency = :currency
    AND a.occurred_at >= :first AND a.occurred_at < :after
    AND a.id >= least_id(:first - :ahead
                         - (SELECT t.clock_offset FROM tenant t WHERE t.id = :tenant))
    AND a.id < least_id(:after + :late)
"""
_TAKEN = text(
    f"""
    SELECT CASE WHEN u.activity_id IS NOT NULL THEN 'accepted'
                ELSE coalesce(s.status, 'awarded') END AS status,
           count(*) AS purchases, sum(a.amount) AS amount
    FROM activity a
    LEFT JOIN setback s ON s.tenant_id = a.tenant_id AND s.activity_id = a.id
    LEFT JOIN unsettled u ON u.tenant_id = a.tenant_id AND u.activity_id = a.id
    WHERE {_OF_THE_DAY} GROUP BY 1 ORDER BY 1
    """  # noqa: S608 - a constant
)
_LISTS = text(
    f"""
    WITH named AS (SELECT DISTINCT unnest(CAST(:ids AS text[])) AS id),
    there AS (SELECT a.transaction_id AS id FROM activity a WHERE {_OF_THE_DAY})
    SELECT n.id, EXISTS (SELECT FROM activity x WHERE x.tenant_id = :tenant
        AND x.program_id = :program AND x.source = :source AND x.transaction_id = n.id) AS came,
      true AS named
    FROM named n WHERE n.id NOT IN (SELECT id FROM there)
    UNION ALL
    SELECT t.id, true, false FROM there t WHERE t.id NOT IN (SELECT id FROM named)
    ORDER BY 1
    """  # noqa: S608 - a constant
)


def _values(session: Session, program: Program, named: Named, zone: str) -> dict[str, object]:
    first, after = bounds(named.day, ZoneInfo(zone))
    return {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "source": named.source,
        "currency": named.currency,
        "first": first,
        "after": after,
        "ahead": AHEAD,
        "late": timedelta(days=program.settings.late_window_days + 1),
    }


def _taken(session: Session, program: Program, named: Named, zone: str) -> dict[str, Total]:
    rows = session.execute(_TAKEN, _values(session, program, named, zone))
    return {row.status: Total(row.purchases, row.amount) for row in rows}


def _lists(
    session: Session, program: Program, named: Named, zone: str, transaction_ids: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    values = {**_values(session, program, named, zone), "ids": list(transaction_ids)}
    rows = session.execute(_LISTS, values).all()
    return {
        "missing": tuple(row.id for row in rows if not row.came)[:MOST_LISTED],
        "elsewhere": tuple(row.id for row in rows if row.came and row.named)[:MOST_LISTED],
        "unexpected": tuple(row.id for row in rows if not row.named)[:MOST_LISTED],
    }


_OF_SOURCE = (
    "FROM source_total WHERE tenant_id = :tenant AND program_id = :program"
    " AND source = :source AND day < :before"
)
_DAYS = text(
    f"SELECT day, currency {_OF_SOURCE} AND day IN"
    f" (SELECT DISTINCT day {_OF_SOURCE} ORDER BY day DESC LIMIT :limit)"
    " ORDER BY day DESC, currency"
)


def days_told(
    session: Session, program: Program, source: str, *, before: date | None, limit: int
) -> list[Comparison]:
    """What a source told of its last `limit` days, newest first, each compared anew."""
    values = {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "source": source,
        "before": before or date.max,
        "limit": limit,
    }
    return [
        compare(session, program, Named(source, row.day, row.currency))
        for row in session.execute(_DAYS, values).all()
    ]
