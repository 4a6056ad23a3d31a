"""A job advances batch by batch: whatever ends a batch, each row is done once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.clock import now, wall_clock
from loyalty.errors import Conflict
from loyalty.jobs.advance import MOST_TRIES, advance, fail, take_up
from loyalty.jobs.cancel import JobEnded, JobNotStopped, cancel, go_on
from loyalty.jobs.queries import ToldJob, job_by_id, refusals, standing_still
from loyalty.jobs.start import Order, start
from loyalty.jobs.step import Batch, Job, Refused, Step, attempt
from loyalty.tasks import jobs as tasks
from loyalty.transaction import across_tenants, transaction
from tests.opened import opened
from tests.tenant import TestTenant

ROWS, BATCH = 10, 3
PATIENCE = timedelta(seconds=15)


pytestmark = pytest.mark.usefixtures("alone")


def write_rows(session: Session, job: Job, at: datetime) -> Batch:
    """Writes a segment for each of ten rows, three a batch; every fourth is refused."""
    first = (job.cursor or {"next": 0})["next"]
    told = [
        attempt(session, row, f"row {row}", partial(_write, session, job, row, at))
        for row in range(first, min(first + BATCH, ROWS))
    ]
    refused = [one for one in told if isinstance(one, Refused)]
    following = None if first + BATCH >= ROWS else {"next": first + BATCH}
    return Batch(following, len(told), len(told) - len(refused), refused, total=ROWS)


_WRITE = text(
    "INSERT INTO segment (tenant_id, program_id, key, name, size, counted_at, created_at)"
    " VALUES (:tenant, :program, :key, 'K', 0, :at, :at)"
)


def _write(session: Session, job: Job, row: int, at: datetime) -> bool:
    values = {"tenant": session.info["tenant_id"], "program": job.program_id, "at": at}
    session.execute(_WRITE, {**values, "key": f"row-{row}"})
    if row % 4 == 3:
        raise Conflict(f"{row} is odd.")
    return True


STEPS: Mapping[str, Step] = {"rows": write_rows}


@pytest.fixture
def job(tenant: TestTenant, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A job of ten rows, that the workers' tasks know too."""
    monkeypatch.setattr(tasks, "STEPS", STEPS)
    with transaction(tenant.id) as session:
        order = Order("rows", {"count": ROWS}, opened(session), "a test")
        return start(session, order, By("test", "r1", wall_clock()))


def told(tenant: TestTenant, job: UUID) -> ToldJob:
    """The job as it stands."""
    with transaction(tenant.id) as session:
        return job_by_id(session, "rows", job)


def written(tenant: TestTenant) -> list[str]:
    """The rows that were written."""
    with transaction(tenant.id) as session:
        return list(session.execute(text("SELECT key FROM segment ORDER BY id")).scalars())


ALL = [f"row-{row}" for row in range(ROWS) if row % 4 != 3]


def test_it_goes_on_to_its_end_and_tells_what_it_refused(tenant: TestTenant, job: UUID) -> None:
    assert told(tenant, job).status == "queued"
    assert [tasks.batch(tenant.id, job) for _ in range(5)] == ["running"] * 3 + ["done", None]
    assert written(tenant) == ALL
    done = told(tenant, job)
    assert (done.status, done.total, done.done, done.changed, done.refused) == (
        "done",
        10,
        10,
        8,
        2,
    )
    with transaction(tenant.id) as session:
        first, second = refusals(session, job, after=None, limit=9)
        assert (first.place, first.subject, first.code) == (3, "row 3", "conflict")
        assert [one.place for one in refusals(session, job, after=3, limit=9)] == [second.place]
        acts = session.execute(text("SELECT act, id FROM audit_record WHERE act LIKE 'rows%'"))
        assert [tuple(one) for one in acts] == [("rows.start", job)]
        [ended] = session.execute(text("SELECT data FROM event WHERE type = 'job.ended'")).scalars()
        assert ended == {
            "job": str(job),
            "kind": "rows",
            "status": "done",
            "done": 10,
            "changed": 8,
            "refused": 2,
        }


class Killed(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("row", range(ROWS))
def test_killed_at_any_row__each_is_done_once(
    tenant: TestTenant, job: UUID, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = _write

    def dies(session: Session, one: Job, at_row: int, at: datetime) -> bool:
        if at_row == row:
            raise Killed
        return write(session, one, at_row, at)

    monkeypatch.setattr(f"{__name__}._write", dies)
    with pytest.raises(Killed):
        _to_its_end(tenant, job)
    monkeypatch.undo()
    assert told(tenant, job).done == row - row % BATCH
    _to_its_end(tenant, job)
    assert written(tenant) == ALL


def _to_its_end(tenant: TestTenant, job: UUID) -> None:
    while True:
        with transaction(tenant.id) as session:
            if advance(session, job, STEPS, now(session)) != "running":
                return


def test_many_hands_do_each_row_once(tenant: TestTenant, job: UUID) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tasks.advance(tenant.id, [str(job)]), range(4)))
    _to_its_end(tenant, job)
    assert sorted(written(tenant)) == sorted(ALL)
    assert told(tenant, job).done == ROWS


def test_it_is_cancelled_and_goes_on(tenant: TestTenant, job: UUID) -> None:
    tasks.batch(tenant.id, job)
    by = By("boss", None, wall_clock())
    with transaction(tenant.id) as session:
        cancel(session, job, by)
    assert tasks.batch(tenant.id, job) is None
    stopped = told(tenant, job)
    assert (stopped.status, stopped.done) == ("cancelled", 3)
    assert stopped.ended_at is not None
    with transaction(tenant.id) as session, pytest.raises(JobEnded):
        cancel(session, job, by)
    with transaction(tenant.id) as session:
        go_on(session, job, by)
    assert told(tenant, job).ended_at is None
    _to_its_end(tenant, job)
    assert written(tenant) == ALL
    with transaction(tenant.id) as session, pytest.raises(JobNotStopped):
        go_on(session, job, by)


def test_a_fault_of_its_own_ends_it_and_says_why(
    tenant: TestTenant, job: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Batch:
        raise ValueError("seven is missing")

    monkeypatch.setattr(tasks, "STEPS", {"rows": broken})
    tasks.advance(tenant.id, [str(job)])
    ended = told(tenant, job)
    assert (ended.status, ended.detail, ended.done) == ("failed", "seven is missing", 0)


def test_one_that_kills_its_workers_ends(tenant: TestTenant, job: UUID) -> None:
    for tries in range(1, MOST_TRIES + 1):
        with transaction(tenant.id) as session:
            assert take_up(session, job) == tries
    tasks.advance(tenant.id, [str(job)])
    ended = told(tenant, job)
    assert (ended.status, ended.done) == ("failed", 0)
    assert ended.detail == f"{MOST_TRIES} workers took it up and did not end a batch."


def test_a_batch_that_ends_counts_no_tries(tenant: TestTenant, job: UUID) -> None:
    for _ in range(3):
        with transaction(tenant.id) as session:
            assert take_up(session, job) == 1
        tasks.batch(tenant.id, job)


def test_one_that_stands_still_is_found(tenant: TestTenant, job: UUID) -> None:
    def still(after: timedelta) -> list[UUID]:
        with across_tenants() as session:
            found = standing_still(session, PATIENCE, wall_clock() + after)
        return [one for whose, one in found if whose == tenant.id]

    assert still(timedelta(0)) == []
    assert still(PATIENCE * 2) == [job]
    with transaction(tenant.id) as session:
        fail(session, job, "enough", now(session))
    assert still(PATIENCE * 2) == []
