"""A run in several hands, or in one that is gone: each purchase is corrected once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from loyalty.audit.by import By
from loyalty.care.re_evaluate import go_on as batches
from loyalty.care.re_evaluate.go_on import go_on
from loyalty.care.re_evaluate.queries import ToldRun, run_by_id, stalled
from loyalty.care.re_evaluate.start import Run, start
from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.ledger.rules import Balance
from loyalty.programs.queries import Program
from loyalty.promotions.draft import add_promotion
from loyalty.tasks.re_evaluations import PATIENCE, batch
from loyalty.transaction import across_tenants, transaction
from tests.earning.given import bought, stored
from tests.opened import balance, joined, opened
from tests.tenant import TestTenant

AT = wall_clock()
A_DAY = timedelta(days=1)
COUNT = 30


pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def program(tenant: TestTenant) -> Program:
    """Thirty purchases of 1 point each, which should have been 3 more."""
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        told = [bought("1", occurred_at=AT) for _ in range(COUNT)]
        award_activities(session, stored(session, program, *told, at=AT), AT)
        values = {"key": "gift", "name": "Gift", "rule": {"fixed": 3}, "fixtures": []}
        by = By("eve", None, AT)
        add_promotion(session, program, {**values, "starts_at": None, "ends_at": None}, by)
    return program


@pytest.fixture
def run_id(tenant: TestTenant, program: Program) -> UUID:
    with transaction(tenant.id) as session:
        order = Run("we had promised it", AT - A_DAY, AT + A_DAY, "gift", 1)
        return start(session, program, order, By("eve", None, AT + A_DAY))


def told(tenant: TestTenant, run_id: UUID) -> ToldRun:
    with transaction(tenant.id) as session:
        return run_by_id(session, run_id)


def figures(tenant: TestTenant, program: Program) -> tuple[Balance, int]:
    with transaction(tenant.id) as session:
        corrections = session.execute(
            text("SELECT count(DISTINCT activity_id) FROM correction")
        ).scalar_one()
        return balance(session, program), corrections


def test_four_workers_at_once_correct_each_purchase_once(
    tenant: TestTenant, program: Program, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_AT_ONCE", 4)

    def work() -> None:
        while told(tenant, run_id).status == "running":
            batch(tenant.id, run_id)

    with ThreadPoolExecutor(4) as workers:
        for one in [workers.submit(work) for _ in range(4)]:
            one.result()
    ended = told(tenant, run_id)
    assert (ended.status, ended.looked, ended.corrected, ended.given) == ("done", COUNT, COUNT, 90)
    assert figures(tenant, program) == (Balance(available=120), COUNT)


def test_a_worker_that_ends_in_the_middle_of_a_batch_leaves_it_undone(
    tenant: TestTenant, program: Program, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_AT_ONCE", 20)
    assert batch(tenant.id, run_id) == "running"
    with suppress(SystemExit), transaction(tenant.id) as session:
        assert go_on(session, run_id, AT) == "running"
        raise SystemExit  # before its commit
    assert figures(tenant, program) == (Balance(available=90), 20)
    while batch(tenant.id, run_id) == "running":
        pass
    assert figures(tenant, program) == (Balance(available=120), COUNT)


def test_a_run_whose_wake_up_was_lost_is_found(tenant: TestTenant, run_id: UUID) -> None:
    started = told(tenant, run_id).started_at

    def found(after: timedelta) -> bool:
        with across_tenants() as session:
            return (tenant.id, run_id) in stalled(session, PATIENCE, started + after)

    assert not found(PATIENCE - timedelta(microseconds=1))
    assert found(PATIENCE)
    while batch(tenant.id, run_id) == "running":
        pass
    assert not found(PATIENCE + A_DAY)


def test_a_batch_that_cannot_be_done_ends_the_run_and_says_why(
    tenant: TestTenant, program: Program, run_id: UUID
) -> None:
    with transaction(tenant.id) as session:
        session.execute(text("UPDATE promotion_version SET rule = '{}' WHERE status = 'draft'"))
    assert batch(tenant.id, run_id) == "failed"
    ended = told(tenant, run_id)
    assert ended.status == "failed"
    assert ended.detail
    assert figures(tenant, program) == (Balance(available=30), 0)
