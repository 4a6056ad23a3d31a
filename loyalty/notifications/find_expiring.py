"""Points that are about to expire, found by looking at every lot of the days to come, in rounds.

A round goes through the lots in the order in which they expire, batch by batch, and the next one
begins an hour later: so it also finds what was earned, or began to live, inside those days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.notifications.add import Cause, add
from loyalty.notifications.models import ReaderRow
from loyalty.notifications.reader import go_on_from, lock_reader
from loyalty.notifications.rules import Kind, last_day

A_ROUND_EVERY = timedelta(hours=1)
LOTS_A_BATCH = 1000

_PROGRAMS = text(
    "SELECT id, time_zone, (settings->'mail'->>'expiring_days')::int AS days FROM program"
    " WHERE tenant_id = :tenant AND (settings->'mail'->>'expiring_days')::int > 0"
)
_LOTS = text(
    "SELECT * FROM lots_that_expire(:tenant, CAST(:horizon AS timestamptz),"
    " CAST(:due AS timestamptz), :account, :lot, :most)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """The lot that was looked at last, in the order in which they expire."""

    due: datetime | None
    account: int | None
    lot: int | None

    @classmethod
    def of(cls, reader: ReaderRow) -> Place | None:
        """Where the round is; None when it is over."""
        if reader.after_due is None:
            return None
        return cls(reader.after_due, reader.after_account, reader.after_lot)


NOWHERE = Place(None, None, None)


@dataclass(frozen=True, slots=True)
class _Warning:
    """How long before points of a program expire its members are told."""

    time_zone: str
    before: timedelta


def find_expiring(session: Session, at: datetime) -> bool:
    """Looks at one batch of lots; True while the round is not over."""
    reader = lock_reader(session)
    if reader is None:
        return False
    began, place = reader.round_began_at, Place.of(reader)
    if place is None:
        if began is not None and at < began + A_ROUND_EVERY:
            return False
        began, place = at, Place(at, 0, 0)
    warnings = _warnings(session)
    horizon = at + max((one.before for one in warnings.values()), default=timedelta())
    values = {"tenant": session.info["tenant_id"], "horizon": horizon, "most": LOTS_A_BATCH}
    lots = session.execute(_LOTS, {**values, **asdict(place)}).all()
    add(session, _causes(lots, warnings, at), at)
    more = len(lots) >= LOTS_A_BATCH
    ended = Place(lots[-1].due_at, lots[-1].account_id, lots[-1].lot_id) if more else NOWHERE
    go_on_from(
        session,
        round_began_at=began,
        after_due=ended.due,
        after_account=ended.account,
        after_lot=ended.lot,
    )
    return more


def _warnings(session: Session) -> dict[int, _Warning]:
    rows = session.execute(_PROGRAMS, {"tenant": session.info["tenant_id"]})
    return {row.id: _Warning(row.time_zone, timedelta(days=row.days)) for row in rows}


def _causes(
    lots: Sequence[Row[Any]], warnings: Mapping[int, _Warning], at: datetime
) -> list[Cause]:
    """One for each membership and day on which points of theirs expire."""
    found: dict[str, Cause] = {}
    for lot in lots:
        warning = warnings.get(lot.program_id)
        if not lot.active or lot.membership_id is None or warning is None:
            continue
        if lot.due_at > at + warning.before:
            continue
        day = last_day(lot.due_at, warning.time_zone).isoformat()
        name = f"expiry {lot.membership_id} {day}"
        found[name] = Cause(
            Kind.POINTS_EXPIRING, name, lot.program_id, lot.membership_id, {"last_day": day}
        )
    return list(found.values())
