"""A segment is added, changed or taken out, and it is written down who did it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict
from loyalty.programs.queries import Program
from loyalty.segments.models import SegmentRow
from loyalty.segments.queries import count, segment_by_key
from loyalty.segments.tree import clause_of


class SegmentExists(Conflict):
    """409: the key is taken."""

    code = "segment_exists"
    title = "There is a segment of this key already"
    cure = "Choose another key, or change the segment that is there."


class NotATree(Conflict):
    """409: an uploaded list has no condition, and a tree no list."""

    code = "wrong_kind_of_segment"
    title = "A segment is a list or a condition, for ever"
    cure = "Make another segment of the other kind."


def add_segment(
    session: Session,
    program: Program,
    values: Mapping[str, Any],
    by: By,
) -> SegmentRow:
    """Adds a segment and counts it. Raises SegmentExists, Invalid for a condition that is none."""
    added: SegmentRow | None = session.scalar(
        insert(SegmentRow)
        .values(
            tenant_id=session.info["tenant_id"],
            program_id=program.id,
            key=values["key"],
            name=values["name"],
            condition=values["condition"],
            size=_size(session, program.id, values["condition"], by.at),
            counted_at=by.at,
            created_at=by.at,
        )
        .on_conflict_do_nothing()
        .returning(SegmentRow)
    )
    if added is None:
        raise SegmentExists(f"There is a segment {values['key']!r} already.")
    record(
        session,
        by,
        act="segment.add",
        subject=f"segment {program.slug}/{added.key}",
        after=_told(added),
    )
    return added


def change_segment(
    session: Session,
    program: Program,
    segment: SegmentRow,
    patch: Mapping[str, Any],
    by: By,
) -> SegmentRow:
    """Changes the name or the whole condition of one that was read with `lock`, and counts it.

    Raises NotATree, Invalid.
    """
    before = _told(segment)
    if "condition" in patch:
        if segment.condition is None:
            raise NotATree(f"{segment.key!r} is an uploaded list.")
        segment.condition = patch["condition"]
        segment.size = _size(session, program.id, segment.condition, by.at)
        segment.counted_at = by.at
    segment.name = patch.get("name", segment.name)
    segment.version += 1
    session.flush()
    record(
        session,
        by,
        act="segment.change",
        subject=f"segment {program.slug}/{segment.key}",
        before=before,
        after=_told(segment),
    )
    return segment


def remove_segment(
    session: Session,
    program: Program,
    key: str,
    by: By,
) -> SegmentRow:
    """Takes a segment out: from now on nobody is in it. Raises NotFound."""
    gone = segment_by_key(session, program.id, key, lock=True)
    session.execute(
        delete(SegmentRow).where(
            SegmentRow.tenant_id == session.info["tenant_id"], SegmentRow.id == gone.id
        )
    )
    record(
        session,
        by,
        act="segment.remove",
        subject=f"segment {program.slug}/{key}",
        before=_told(gone),
    )
    return gone


def recount(session: Session, segment: SegmentRow, at: datetime) -> SegmentRow:
    """Counts again one that was read with `lock`; a list is always counted."""
    if segment.condition is not None:
        segment.size = _size(session, segment.program_id, segment.condition, at)
    segment.counted_at = at
    session.flush()
    return segment


def _size(
    session: Session, program_id: int, condition: Mapping[str, Any] | None, at: datetime
) -> int:
    return count(session, program_id, clause_of(condition), at) if condition is not None else 0


def _told(segment: SegmentRow) -> dict[str, Any]:
    return {"name": segment.name, "condition": segment.condition, "size": segment.size}
