"""A segment is taken out only when no promotion asks for it any more."""

from __future__ import annotations

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.conditions.segment import Segment
from loyalty.errors import Conflict
from loyalty.programs.queries import Program
from loyalty.promotions.naming import named
from loyalty.promotions.queries import published_versions
from loyalty.segments.models import SegmentRow
from loyalty.segments.queries import segment_by_key
from loyalty.segments.save import remove_segment


class SegmentInUse(Conflict):
    """409: a promotion that is in force, or is going to be, asks for it."""

    code = "segment_in_use"
    title = "A promotion asks for this segment"
    cure = "End the promotion, or publish a version that does without."


def remove_free_segment(
    session: Session,
    program: Program,
    key: str,
    by: By,
) -> SegmentRow:
    """Takes a segment out. Raises SegmentInUse, NotFound.

    Who publishes a promotion locks the segments that it names: see loyalty.earning.prove.
    """
    segment_by_key(session, program.id, key, lock=True)
    for version in published_versions(session, [program.id]).get(program.id, []):
        over = version.ends_at is not None and version.ends_at <= by.at
        if not over and key in named(version.rule, Segment):
            raise SegmentInUse(f"A promotion asks for the segment {key!r}.")
    return remove_segment(session, program, key, by)
