"""A segment is taken out only when nothing asks for it any more."""

from __future__ import annotations

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.conditions.naming import named
from loyalty.conditions.segment import Segment
from loyalty.earning.asking import asking
from loyalty.errors import Conflict
from loyalty.programs.queries import Program
from loyalty.segments.models import SegmentRow
from loyalty.segments.queries import segment_by_key
from loyalty.segments.save import remove_segment


class SegmentInUse(Conflict):
    """409: what is in force, or is going to be, asks for it."""

    code = "segment_in_use"
    title = "A promotion, campaign or reward asks for this segment"
    cure = "End what asks for it, or let it do without."


def remove_free_segment(
    session: Session,
    program: Program,
    key: str,
    by: By,
) -> SegmentRow:
    """Takes a segment out. Raises SegmentInUse, NotFound.

    Who puts in force what names a segment locks it: see loyalty.segments.hold_named.
    """
    segment_by_key(session, program.id, key, lock=True)
    for what, condition in asking(session, program, by.at):
        if key in named(condition, Segment):
            raise SegmentInUse(f"A {what} asks for the segment {key!r}.")
    return remove_segment(session, program, key, by)
