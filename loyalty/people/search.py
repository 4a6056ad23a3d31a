"""Search: the members of a program, by what they have and who they are, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.rules import Balance
from loyalty.people.answer import tier_named, tiers_of
from loyalty.people.filters import Filters, source, where
from loyalty.people.narrow import few
from loyalty.programs.queries import Program
from loyalty.tiers.rules import Tier

Order = Literal["joined", "-joined", "points", "-points"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the sorted figure (points, or microseconds since 1970), and the id."""

    figure: int
    id: int


@dataclass(frozen=True, slots=True)
class Found:
    """A member that a search has found; the search goes on after `place`."""

    place: Place
    member_id: str
    name: str | None
    status: str
    tier: Tier
    points: Balance
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class _By:
    """How an order is kept: the column and the ids beside it in the index, and the tables."""

    figure: str
    id: str
    tables: frozenset[str] = frozenset()


_BY = {
    "joined": _By("ms.joined_at", "ms.id"),
    "points": _By("a.available", "a.id", frozenset("a")),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Few are looked up one by one, and of many as many as the page needs: never all of them at once.
_BY_INDEX = text(
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
    " SET LOCAL enable_seqscan = off"
)
#: Between them stand all figures: the years 1 to 9999 in microseconds, and all points.
EARLIEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_TOLD = """
    SELECT found.figure, found.row_id, m.member_id, m.name, ms.status, ms.tier_key, ms.joined_at,
           a.pending, a.available, a.held, a.owed, a.tier_points
    FROM ({found}) found
    JOIN membership ms ON ms.tenant_id = :tenant AND ms.id = found.membership
    JOIN member m ON m.tenant_id = :tenant AND m.id = ms.member_id
    JOIN account a ON a.tenant_id = :tenant AND a.id = ms.account_id
    ORDER BY found.figure {way}, found.row_id {way}
"""


def search(
    session: Session,
    program: Program,
    filters: Filters,
    at: datetime,
    *,
    order: Order = "-joined",
    after: Place | None = None,
    limit: int,
) -> Sequence[Found]:
    """The members that meet every filter, in that order (-: the most or latest first).

    Raises Invalid for an unknown segment.
    """
    key, way = order.removeprefix("-"), "DESC" if order.startswith("-") else "ASC"
    by, asked = _BY[key], where(session, program, filters, at)
    asked.tables |= by.tables
    if key == "points":  # so that the index on points is the one that is followed
        asked.add("a.tenant_id = :tenant AND a.program_id = :program")
    session.execute(_BY_INDEX)
    narrowed = few(filters, asked, key)
    if narrowed is not None:
        if narrowed.settles is not None:
            asked.conditions.remove(narrowed.settles)
        asked.add(f"{narrowed.column} = ANY(:few)", few=narrowed.ids)
    if after is not None:
        sign = "<" if way == "DESC" else ">"
        figure = _instant(after.figure) if key == "joined" else after.figure
        condition = f"({by.figure}, {by.id}) {sign} (:after_figure, :after_id)"
        asked.add(condition, after_figure=figure, after_id=after.id)
    found = (
        f"SELECT ms.id AS membership, {by.figure} AS figure, {by.id} AS row_id"
        f" {source(asked.tables)} WHERE {asked.sql}"
        f" ORDER BY {by.figure} {way}, {by.id} {way} LIMIT :limit"
    )
    statement = text(_TOLD.format(found=found, way=way))
    rows = session.execute(statement, {**asked.values, "limit": limit})
    tiers = tiers_of(program)
    return [
        Found(
            Place(_microseconds(row.figure) if key == "joined" else row.figure, row.row_id),
            row.member_id,
            row.name,
            row.status,
            tier_named(tiers, row.tier_key, row.tier_points),
            Balance(row.pending, row.available, row.held, row.owed),
            row.joined_at,
        )
        for row in rows
    ]


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
