"""Workers at once spend one budget to the point, and no lock order makes them stand still."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sqlalchemy import text

from loyalty.earning.award import award_activities
from loyalty.transaction import transaction
from tests.earning.given import bought, published, stored
from tests.opened import AT, joined, opened
from tests.tenant import TestTenant

MEMBERS, BATCH, BUDGET = 6, 10, 333
LIMITS = {"of": "everyone", "per": "month", "points": BUDGET}


def test_many_workers_never_give_more_than_a_budget_holds(alone: None, tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        for number in range(MEMBERS):
            joined(session, program, f"m{number}")
        for key, points in (("one", 7), ("other", 5)):
            rule = {"fixed": points, "limits": [LIMITS, {**LIMITS, "per": "ever"}]}
            published(session, program, key, rule)
        ids = stored(
            session,
            program,
            *(bought("1", f"m{number % MEMBERS}") for number in range(8 * BATCH)),
        )

    def work(batch: list[UUID]) -> None:
        with transaction(tenant.id) as session:
            award_activities(session, batch, AT, top_up=False)

    batches = [ids[number::8] for number in range(8)]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, batches))
    with transaction(tenant.id) as session:
        given = session.execute(
            text(
                "SELECT p.key, sum((g->>'points')::int) FROM award,"
                " jsonb_array_elements(explanation->'given') g"
                " JOIN promotion p ON p.id = (g->>'promotion')::int GROUP BY p.key ORDER BY p.key"
            )
        ).all()
        budgets = session.execute(text("SELECT DISTINCT period, points FROM promotion_budget"))
        assert given == [("one", BUDGET), ("other", BUDGET), ("standing", 80)]
        assert sorted(budgets) == [("2026-07", BUDGET), ("ever", BUDGET)]
