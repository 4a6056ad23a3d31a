"""The feed: all that happened to a tenant, in one order and without gaps.

Two sources, read and merged: the entries of the ledger, and what the rooms emitted. The order and
why nothing can come in later before a place that was read: migrations/sql/0003_webhooks.sql.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.events.happenings import HAPPENINGS, Happening, happening_of
from loyalty.events.points import POINTS, BalanceAfter, PointsMoved, event_of

POINTS_TYPES = frozenset(one.TYPE for one in POINTS)
TYPES = POINTS_TYPES | {one.TYPE for one in HAPPENINGS}
MOST_READ = 1000  # rows looked at in one reading

#: The form of a cursor: three numbers, none beyond what Postgres counts to.
CURSOR = re.compile(r"(?:[0-7][0-9a-f]{15}){3}")
_HEX = 16  # digits of each of a place's three numbers
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an event stands in the feed; what happened later to the same member stands later.

    Its text sorts as the places do. `account` and `number` tell apart what was written at once.
    """

    drawn: int = 0
    account: int = 0
    number: int = 0

    def __str__(self) -> str:
        """The cursor that is told outside."""
        return "".join(f"{one:0{_HEX}x}" for one in (self.drawn, self.account, self.number))

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """The place that a cursor means. Raises ValueError for what is none."""
        if CURSOR.fullmatch(cursor) is None:
            raise ValueError("a cursor has 48 digits")
        return cls(*(int(cursor[at : at + _HEX], 16) for at in range(0, 3 * _HEX, _HEX)))


@dataclass(frozen=True, slots=True)
class Told:
    """An event in its envelope. `subject` is whom it is about (`member m-1`): events of one
    subject are told in their order. `id` stays the same however often it is told."""

    id: str
    place: Place
    subject: str
    program_id: int | None
    program: str | None
    at: datetime
    data: PointsMoved | Happening

    @property
    def type(self) -> str:
        """Its public name, with its version."""
        return self.data.TYPE


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants; None is all of them. What is of no single program comes with
    every choice of programs."""

    types: Collection[str] | None = None
    program_ids: Collection[int] | None = None

    def takes(self, told: Told) -> bool:
        """Whether this one is wanted."""
        return (self.types is None or told.type in self.types) and (
            self.program_ids is None
            or told.program_id is None
            or told.program_id in self.program_ids
        )


@dataclass(frozen=True, slots=True)
class Page:
    """What was found. All up to `upto` has been looked at: the next reading begins after it."""

    events: list[Told]
    upto: Place
    more: bool


_HORIZON = text("SELECT feed_horizon()")


def latest(session: Session) -> Place:
    """The end of the feed as it is now: all that is told later stands after it."""
    return _end_of(int(session.scalar(_HORIZON)))


def _end_of(drawn: int) -> Place:
    return Place(drawn, _LAST, _LAST)


def read(session: Session, after: Place, *, most: int, wanted: Wanted | None = None) -> Page:
    """The wanted ones among the next `most` events after a place (at most MOST_READ), in order.

    The session's transaction is READ COMMITTED: the rows are read by statements of their own,
    after the horizon.
    """
    wanted, most = wanted or Wanted(), min(most, MOST_READ)
    horizon = int(session.scalar(_HORIZON))
    values = {
        "tenant": session.info["tenant_id"],
        "drawn": after.drawn,
        "account": after.account,
        "number": after.number,
        "horizon": horizon,
        "most": most + 1,
    }
    found = sorted(_rows(session, values, wanted), key=lambda one: one[0])
    upto = found[most - 1][0] if len(found) > most else max(after, _end_of(horizon))
    events = [told for _, told in found[:most] if told is not None and wanted.takes(told)]
    return Page(events, upto, len(found) > most)


def _rows(
    session: Session, values: dict[str, int], wanted: Wanted
) -> Iterator[tuple[Place, Told | None]]:
    """Of each source the next ones; a source of which nothing is wanted is not read."""
    types = TYPES if wanted.types is None else frozenset(wanted.types)
    if types & POINTS_TYPES:
        for row in session.execute(_ENTRIES, values):
            yield Place(row.place, row.account_id, row.version), _moved(row)
    if types - POINTS_TYPES:
        for row in session.execute(_EVENTS, values):
            yield Place(row.place, 0, row.seq), _happened(row)


_ENTRIES = text(
    """
    SELECT e.place, e.account_id, e.version, e.kind, e.from_bucket, e.to_bucket, e.points,
           e.pending_after, e.available_after, e.held_after, e.owed_after, e.cause_id,
           e.occurred_at, a.program_id, p.slug, coalesce(who.member_id, '') AS member_id,
           e.kind = 'reverse' AND EXISTS (
             SELECT FROM give_back g WHERE g.tenant_id = :tenant AND g.id = e.cause_id) AS returned
    FROM (
      SELECT * FROM entry
      WHERE tenant_id = :tenant AND place >= :drawn AND place BETWEEN 1 AND :horizon
        AND (place, account_id, version) > (:drawn, :account, :number)
      ORDER BY place, account_id, version LIMIT :most
    ) e
    JOIN account a ON a.tenant_id = :tenant AND a.id = e.account_id
    JOIN program p ON p.tenant_id = :tenant AND p.id = a.program_id
    LEFT JOIN LATERAL (
      SELECT m.member_id FROM membership ms
      JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
      WHERE ms.tenant_id = :tenant AND ms.account_id = e.account_id ORDER BY ms.id LIMIT 1
    ) who ON true
    """
)
_EVENTS = text(
    """
    SELECT v.place, v.seq, v.id, v.type, v.subject, v.program_id, v.data, v.at, p.slug
    FROM event v LEFT JOIN program p ON p.tenant_id = :tenant AND p.id = v.program_id
    WHERE v.tenant_id = :tenant AND v.place >= :drawn AND v.place BETWEEN 1 AND :horizon
      AND (v.place, CAST(0 AS bigint), v.seq) > (:drawn, :account, :number)
    ORDER BY v.place, v.seq LIMIT :most
    """
)


def _moved(row: Row[Any]) -> Told:
    entry = f"{row.account_id}-{row.version}"
    form = event_of(row.kind, row.to_bucket, of_return=row.returned)
    moved = form(
        entry=entry,
        kind=row.kind,
        member_id=row.member_id,
        points=row.points,
        from_bucket=row.from_bucket,
        to_bucket=row.to_bucket,
        cause_id=str(row.cause_id),
        balance=BalanceAfter(
            row.pending_after, row.available_after, row.held_after, row.owed_after
        ),
    )
    return Told(
        entry,
        Place(row.place, row.account_id, row.version),
        f"member {row.member_id}",
        row.program_id,
        row.slug,
        row.occurred_at,
        moved,
    )


def _happened(row: Row[Any]) -> Told | None:
    told = happening_of(row.type, row.subject, row.data)
    if told is None:
        return None
    place = Place(row.place, 0, row.seq)
    return Told(str(row.id), place, row.subject, row.program_id, row.slug, row.at, told)
