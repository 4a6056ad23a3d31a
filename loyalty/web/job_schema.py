"""How every job is told: what is asked for is each kind's own."""

from __future__ import annotations

from loyalty.web.fields import Choice, Id, Instant, Integer, Schema, Text

STATUSES = ("queued", "running", "done", "failed", "cancelled")
_MOST_DETAIL = 1000


class JobSchema(Schema):
    """How far a job is. Of `total` rows (null: not counted yet) so many are `done`: `changed`,
    `refused`, or found as they should be."""

    id = Id(required=True)
    status = Choice(STATUSES, required=True)
    total = Integer(required=True, allow_none=True)
    done = Integer(required=True)
    changed = Integer(required=True)
    refused = Integer(required=True)
    detail = Text(
        most=_MOST_DETAIL,
        required=True,
        allow_none=True,
        metadata={"description": "Why it failed."},
    )
    actor = Text(most=300, required=True)
    started_at = Instant(required=True)
    ended_at = Instant(required=True, allow_none=True)


class RefusalSchema(Schema):
    """A row that could not be done. `place` is its number within the job, `subject` whom or what
    it is about."""

    place = Integer(required=True)
    subject = Text(most=200, required=True)
    code = Text(most=100, required=True)
    detail = Text(most=_MOST_DETAIL, required=True)
