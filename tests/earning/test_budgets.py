"""Workers at once spend one budget to the point, and no lock order makes them stand still."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from loyalty.earning.award import award_activities
from loyalty.ledger.post import lock_accounts
from loyalty.members.queries import membership_of
from loyalty.promotions.limits import BudgetOverdrawn
from loyalty.tasks.earning import judge
from loyalty.transaction import transaction
from tests.earning.given import bought, published, stored
from tests.opened import AT, joined, opened
from tests.stack import until
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

    batches = [ids[number::8] for number in range(8)]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(judge, [tenant.id] * 8, batches))
    with transaction(tenant.id) as session:
        given = session.execute(
            text(
                "SELECT p.key, sum((g->>'points')::int) FROM award,"
                " json_array_elements(explanation->'given') g"
                " JOIN promotion p ON p.id = (g->>'promotion')::int GROUP BY p.key ORDER BY p.key"
            )
        ).all()
        budgets = session.execute(text("SELECT DISTINCT period, points FROM promotion_budget"))
        assert given == [("one", BUDGET), ("other", BUDGET), ("standing", 80)]
        assert sorted(budgets) == [("2026-07", BUDGET), ("ever", BUDGET)]


def test_a_budget_with_plenty_left_is_not_locked_until_it_is_written(
    alone: None, tenant: TestTenant
) -> None:
    """Who read before another wrote finds out, and comes again with the budget locked."""
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program, "m1")
        joined(session, program, "m2")
        published(session, program, "gift", {"fixed": 60, "limits": [{**LIMITS, "points": 100}]})
        first, second = stored(session, program, bought("1", "m1"), bought("1", "m2"))
    with ThreadPoolExecutor(1) as others, transaction(tenant.id) as session:
        award_activities(session, [first], AT, top_up=False)

        def late() -> None:
            with transaction(tenant.id) as its:
                award_activities(its, [second], AT, top_up=False)

        waiting = others.submit(late)
        until(lambda: _waits_for_budget(tenant.id), "the other to wait for the budget")
        session.commit()
        with pytest.raises(BudgetOverdrawn):
            waiting.result(30)
    judge(tenant.id, [second])
    with transaction(tenant.id) as session:
        assert session.execute(text("SELECT points, uses FROM promotion_budget")).one() == (100, 2)


def _waits_for_budget(tenant_id: int) -> bool:
    waiting = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database() AND query LIKE '%count_promotion_uses%')"
    )
    with transaction(tenant_id) as session:  # each time anew: it looks once in a transaction
        return bool(session.execute(waiting).scalar_one())


def test_whose_account_is_in_other_hands_is_left_and_keeps_nobody_waiting(
    alone: None, tenant: TestTenant
) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program, "busy")
        joined(session, program, "free")
        waits, goes = stored(session, program, bought("1", "busy"), bought("1", "free"))
    with transaction(tenant.id) as holder:
        lock_accounts(holder, [membership_of(holder, program.id, "busy").account_id])
        with transaction(tenant.id) as session:
            judged = award_activities(session, [waits, goes], AT, top_up=False, wait=False)
            assert [award["activity_id"] for award in judged.awards] == [goes]
            assert judged.left == [waits]
    judge(tenant.id, [waits])
    with transaction(tenant.id) as session:
        assert session.execute(text("SELECT count(*) FROM unsettled")).scalar_one() == 0
