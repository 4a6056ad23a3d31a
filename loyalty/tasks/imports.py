"""What was uploaded and never brought in is dropped."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from loyalty.clock import wall_clock
from loyalty.jobs.imports.lines import drop_stale
from loyalty.transaction import across_tenants

_KEPT = timedelta(days=7)  # an upload that broke off, or of a job that was cancelled


@shared_task(name="imports.forget")
def forget() -> None:
    """Drops the lines of uploads that nobody has brought in for a week, a bounded batch."""
    with across_tenants() as session:
        drop_stale(session, wall_clock() - _KEPT)
