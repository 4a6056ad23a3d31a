"""What beat does for segments."""

from __future__ import annotations

from datetime import timedelta

from loyalty.audit.by import By
from loyalty.clock import wall_clock
from loyalty.segments.queries import segment_by_key
from loyalty.segments.save import add_segment
from loyalty.tasks.segments import count
from loyalty.transaction import transaction
from tests.opened import joined, opened
from tests.tenant import TestTenant


def test_a_size_that_is_an_hour_old_is_counted_again(tenant: TestTenant) -> None:
    at = wall_clock()
    with transaction(tenant.id) as session:
        program = opened(session)
        for key, age in (("old", timedelta(hours=1)), ("fresh", timedelta(minutes=59))):
            values = {"key": key, "name": key, "condition": {"status": ["active"]}}
            add_segment(session, program, values, By("eve", None, at - age))
        joined(session, program)
    count()
    with transaction(tenant.id) as session:
        old, fresh = (segment_by_key(session, program.id, key) for key in ("old", "fresh"))
    assert (old.size, fresh.size) == (1, 0)
    assert old.counted_at >= at
    assert fresh.counted_at < at
