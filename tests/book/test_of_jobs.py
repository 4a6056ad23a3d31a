"""The audit finds a job that refused others than it names, or did others than were meant."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book.of_jobs import OF_PROGRAMS
from tests.book.conftest import Book, act_as
from tests.book.test_checks import damage

_NAMED, _MEANT = OF_PROGRAMS


@pytest.mark.parametrize(
    ("invariant", "change"),
    [
        (_NAMED, "DELETE FROM job_refusal"),
        (_NAMED, "UPDATE job SET refused = 0"),
        (_MEANT, "DELETE FROM bulk_act_batch"),
        (_MEANT, "UPDATE bulk_act_batch SET membership_ids = membership_ids || membership_ids"),
        (_MEANT, "UPDATE job SET done = 0, refused = 0"),
    ],
)
def test_a_break_is_named(session: Session, book: Book, invariant: str, change: str) -> None:
    job = session.execute(text("SELECT id FROM job WHERE kind = 'bulk_act'")).scalar_one()
    damage(session, change)
    act_as(session, "loyalty_system")
    told = session.execute(
        text(OF_PROGRAMS[invariant]),
        {"tenant": session.info["tenant_id"], "program": book.program.id},
    ).scalar_one()
    assert told == f"job {job}"
