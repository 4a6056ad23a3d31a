"""Who is in which segment, how many they are, and reads of the segments themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.segments.models import SegmentRow
from loyalty.segments.tree import Clause, clause_of

#: Who has left is in no segment.
_MEMBERS = """
    FROM program p
    CROSS JOIN LATERAL (SELECT (CAST(:at AS timestamptz) AT TIME ZONE p.time_zone)::date AS day) t
    JOIN membership ms ON ms.tenant_id = p.tenant_id AND ms.program_id = p.id
    JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
    JOIN account a ON a.tenant_id = ms.tenant_id AND a.id = ms.account_id
    WHERE p.tenant_id = :tenant AND ms.status IN ('active', 'suspended')
"""
_ON_LISTS = """
    SELECT sm.membership_id, s.key FROM segment_member sm
    JOIN segment s ON s.tenant_id = sm.tenant_id AND s.id = sm.segment_id
    JOIN membership ms ON ms.tenant_id = sm.tenant_id AND ms.id = sm.membership_id
    WHERE sm.tenant_id = :tenant AND sm.membership_id = ANY(:ids)
      AND ms.status IN ('active', 'suspended')
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A member of a segment; `membership_id` is where the next page goes on."""

    membership_id: int
    member_id: str


def segments_of(
    session: Session,
    membership_ids: Iterable[int],
    at: datetime,
    *,
    keys: Collection[str] | None = None,
) -> dict[int, frozenset[str]]:
    """The keys of the segments that each membership is in at `at`, lists and trees alike.

    With `keys` only of these. At most two statements for a whole batch, one where the tenant has
    no segments; who is in none is not in the answer.
    """
    ids = sorted(set(membership_ids))
    if not ids or (keys is not None and not keys):
        return {}
    saved = _saved(session, keys)
    if not saved:
        return {}
    values: dict[str, object] = {"tenant": session.info["tenant_id"], "ids": ids, "at": at}
    parts = [_ON_LISTS]
    for segment in saved:
        if segment.condition is not None:
            clause = clause_of(segment.condition, f"s{segment.id}")
            program, key = clause.bind(segment.program_id), clause.bind(segment.key)
            parts.append(
                f"SELECT ms.id, {key} {_MEMBERS} AND p.id = {program}"
                f" AND ms.id = ANY(:ids) AND {clause.sql}"
            )
            values |= clause.values
    found: dict[int, set[str]] = defaultdict(set)
    wanted = {segment.key for segment in saved}
    for membership_id, key in session.execute(text(" UNION ALL ".join(parts)), values):
        if key in wanted:
            found[membership_id].add(key)
    return {membership_id: frozenset(mine) for membership_id, mine in found.items()}


def _saved(session: Session, keys: Collection[str] | None) -> Sequence[Row[int, int, str, object]]:
    query = select(
        SegmentRow.id, SegmentRow.program_id, SegmentRow.key, SegmentRow.condition
    ).where(SegmentRow.tenant_id == session.info["tenant_id"])
    if keys is not None:
        query = query.where(SegmentRow.key.in_(sorted(keys)))
    return session.execute(query).all()


def count(session: Session, program_id: int, clause: Clause, at: datetime) -> int:
    """How many members of the program a tree finds at `at`."""
    found: int = session.execute(
        text(f"SELECT count(*) {_MEMBERS} AND p.id = :program AND {clause.sql}"),
        {
            **clause.values,
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "at": at,
        },
    ).scalar_one()
    return found


def members_in(
    session: Session, segment: SegmentRow, at: datetime, *, before: int | None, limit: int
) -> list[Found]:
    """The members of a segment at `at`, the newest membership first, from before that id."""
    condition = segment.condition or {"list": [segment.key]}
    clause = clause_of(condition)
    older = "" if before is None else f" AND ms.id < {clause.bind(before)}"
    rows = session.execute(
        text(
            f"SELECT ms.id, m.member_id {_MEMBERS} AND p.id = :program AND {clause.sql}{older}"
            " ORDER BY ms.id DESC LIMIT :limit"
        ),
        {
            **clause.values,
            "tenant": session.info["tenant_id"],
            "program": segment.program_id,
            "at": at,
            "limit": limit,
        },
    )
    return [Found(row.id, row.member_id) for row in rows]


_STALE = text(
    "SELECT s.tenant_id, s.program_id, s.key FROM segment s JOIN tenant t ON t.id = s.tenant_id"
    " WHERE s.condition IS NOT NULL AND s.counted_at <= :at + t.clock_offset - :age"
    " ORDER BY s.counted_at LIMIT :limit"
)


def stale(
    session: Session, age: timedelta, at: datetime, limit: int
) -> Sequence[Row[tuple[int, int, str]]]:
    """Trees of any tenant that were counted `age` ago or longer, the oldest count first."""
    return session.execute(_STALE, {"age": age, "at": at, "limit": limit}).all()


def segment_by_key(
    session: Session, program_id: int, key: str, *, lock: bool = False
) -> SegmentRow:
    """The segment; with `lock` nobody else changes it. Raises NotFound."""
    query = select(SegmentRow).where(
        SegmentRow.tenant_id == session.info["tenant_id"],
        SegmentRow.program_id == program_id,
        SegmentRow.key == key,
    )
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound(f"There is no segment {key!r}.")
    return found


def segments(
    session: Session, program_id: int, *, before: int | None, limit: int
) -> Sequence[SegmentRow]:
    """A program's segments, newest first, from before the id `before`."""
    query = select(SegmentRow).where(
        SegmentRow.tenant_id == session.info["tenant_id"], SegmentRow.program_id == program_id
    )
    if before is not None:
        query = query.where(SegmentRow.id < before)
    return session.scalars(query.order_by(SegmentRow.id.desc()).limit(limit)).all()
