"""Members are put on an uploaded list, and taken off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.programs.queries import Program
from loyalty.segments.models import SegmentRow
from loyalty.segments.save import NotATree

_KNOWN = """
    SELECT ms.id, m.member_id FROM member m
    JOIN membership ms ON ms.tenant_id = m.tenant_id AND ms.member_id = m.id
    WHERE m.tenant_id = :tenant AND m.member_id = ANY(:names) AND ms.program_id = :program
"""
_ADD = text(
    f"WITH known AS ({_KNOWN}), added AS (INSERT INTO segment_member"  # noqa: S608 - constants
    " (tenant_id, segment_id, membership_id) SELECT :tenant, :segment, id FROM known ORDER BY id"
    " ON CONFLICT DO NOTHING RETURNING membership_id)"
    " SELECT (SELECT count(*) FROM added) AS count, array_agg(member_id) AS known FROM known"
)
_REMOVE = text(
    f"WITH known AS ({_KNOWN}), gone AS ("  # noqa: S608 - constants
    "DELETE FROM segment_member sm USING known"
    " WHERE sm.tenant_id = :tenant AND sm.segment_id = :segment AND sm.membership_id = known.id"
    " RETURNING sm.membership_id)"
    " SELECT (SELECT count(*) FROM gone) AS count, array_agg(member_id) AS known FROM known"
)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """How many were put on the list and taken off it; `strangers` have never joined the program."""

    added: int
    removed: int
    strangers: tuple[str, ...]
    size: int


def upload(
    session: Session,
    program: Program,
    segment: SegmentRow,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    by: By,
) -> Uploaded:
    """Puts members on the list and takes others off; who is there already is there once.

    `segment` was read with `lock`, so that its size stays exact. Raises NotATree.
    """
    if segment.condition is not None:
        raise NotATree(f"{segment.key!r} is a condition: members are found by it.")
    removed, _ = _do(session, segment, remove, _REMOVE)
    added, known = _do(session, segment, add, _ADD)
    segment.size += added - removed
    segment.counted_at = by.at
    session.flush()
    record(
        session,
        by,
        act="segment.upload",
        subject=f"segment {program.slug}/{segment.key}",
        after={"added": added, "removed": removed, "size": segment.size},
    )
    strangers = tuple(sorted(set(add) - known))
    return Uploaded(added, removed, strangers, segment.size)


def _do(
    session: Session, segment: SegmentRow, names: Sequence[str], statement: object
) -> tuple[int, set[str]]:
    if not names:
        return 0, set()
    row = session.execute(
        statement,  # type: ignore[call-overload]
        {
            "tenant": session.info["tenant_id"],
            "segment": segment.id,
            "program": segment.program_id,
            "names": sorted(set(names)),
        },
    ).one()
    return row.count, set(row.known or ())
