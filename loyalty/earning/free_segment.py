"""A segment is taken out only when nothing asks for it any more."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.queries import running
from loyalty.conditions.naming import named
from loyalty.conditions.segment import Segment
from loyalty.conditions.tree import Condition
from loyalty.errors import Conflict
from loyalty.programs.queries import Program
from loyalty.promotions.queries import published_versions
from loyalty.rewards.queries import offered_conditions
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
    for what, condition in _asking(session, program, by):
        if key in named(condition, Segment):
            raise SegmentInUse(f"A {what} asks for the segment {key!r}.")
    return remove_segment(session, program, key, by)


def _asking(session: Session, program: Program, by: By) -> Iterator[tuple[str, Condition | None]]:
    for version in published_versions(session, [program.id]).get(program.id, []):
        if version.ends_at is None or version.ends_at > by.at:
            yield "promotion", version.rule.when
    for campaign in running(session, [program.id], by.at).get(program.id, []):
        for goal in campaign.goals:
            yield "campaign", goal.when
    for condition in offered_conditions(session, program.id, by.at):
        yield "reward", condition
