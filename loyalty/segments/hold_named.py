"""What a condition names is there, and stays while it is put in force."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.conditions.naming import named
from loyalty.conditions.segment import Segment
from loyalty.conditions.tier import Tier
from loyalty.conditions.tree import Condition
from loyalty.errors import FieldError, Invalid
from loyalty.programs.queries import Program
from loyalty.segments.models import SegmentRow


def hold_named(session: Session, program: Program, tree: Condition | None, place: str) -> None:
    """Locks the segments that a tree names, so that none is taken out meanwhile.

    Raises Invalid, at `place`, for a segment or tier that the program has not.
    """
    segments = named(tree, Segment)
    there = set(
        session.scalars(
            select(SegmentRow.key)
            .where(
                SegmentRow.tenant_id == session.info["tenant_id"],
                SegmentRow.program_id == program.id,
                SegmentRow.key.in_(sorted(segments)),
            )
            .order_by(SegmentRow.id)
            .with_for_update(read=True)
        )
        if segments
        else ()
    )
    missing = [("segment", key) for key in sorted(segments - there)]
    tiers = named(tree, Tier) - {tier.key for tier in program.tiers}
    missing += [("tier", key) for key in sorted(tiers)]
    if missing:
        errors = [
            FieldError(place, f"unknown_{noun}", f"The program has no {noun} {key!r}.")
            for noun, key in missing
        ]
        raise Invalid(errors[0].detail, errors=errors)
