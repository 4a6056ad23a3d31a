"""A rule that is put in force judges all that occurs from then on, however close it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.earning.prove import publish_proven
from loyalty.programs.judging import at_rest
from loyalty.programs.queries import program_by_slug
from loyalty.promotions.desk import promotion_by_key
from loyalty.promotions.draft import add_promotion
from loyalty.tasks.earning import judge
from loyalty.transaction import transaction
from tests.campaigns import given as campaigns
from tests.earning.given import awarded, bought, stored
from tests.opened import joined, opened
from tests.stack import until
from tests.tenant import TestTenant

_WAITS = text(
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'"
    " AND datname = current_database())"
)


def _until_somebody_waits(tenant_id: int) -> None:
    def waits() -> bool:
        with transaction(tenant_id) as session:  # each time anew: it looks once in a transaction
            return bool(session.execute(_WAITS).scalar_one())

    until(waits, "the other to wait")


def _draft(tenant_id: int) -> None:
    with transaction(tenant_id) as session:
        program = opened(session)
        joined(session, program)
        ten = {"key": "ten", "name": "Ten", "rule": {"fixed": 10}, "fixtures": []}
        dates = {"starts_at": None, "ends_at": None}
        add_promotion(session, program, {**ten, **dates}, By("eve", None, wall_clock()))


def _publish(session: Session) -> datetime:
    """Returns when the draft is in force from."""
    program = at_rest(session, "wine")
    at = wall_clock()
    promotion = promotion_by_key(session, program.id, "ten", lock=True)
    publish_proven(session, program, promotion, By("eve", None, at))
    return at


def _buy(tenant_id: int) -> UUID:
    with transaction(tenant_id) as session:
        program, at = program_by_slug(session, "wine"), wall_clock()
        [purchase] = stored(session, program, bought("1", occurred_at=at), at=at)
    return purchase


def test_what_occurs_while_a_rule_is_put_in_force_waits_for_it(
    alone: None, tenant: TestTenant
) -> None:
    _draft(tenant.id)
    with transaction(tenant.id) as session:
        program = program_by_slug(session, "wine")
        campaigns.goal(session, program, "coffee", {"kind": "buy", "times": 1})
        campaigns.draft(session, program)
    with ThreadPoolExecutor(1) as others, transaction(tenant.id) as publishing:
        _publish(publishing)
        campaigns.publish(publishing, program)
        purchase = _buy(tenant.id)
        judging = others.submit(judge, tenant.id, [purchase])
        _until_somebody_waits(tenant.id)
        publishing.commit()
        judging.result(30)
    with transaction(tenant.id) as session:
        assert awarded(session, purchase) == 11
        completed = session.scalars(text("SELECT completed FROM campaign_progress"))
        assert completed.all() == [1]


def test_a_rule_is_in_force_once_those_are_judged_who_knew_the_old_ones(
    alone: None, tenant: TestTenant
) -> None:
    _draft(tenant.id)
    purchase = _buy(tenant.id)

    def publish() -> datetime:
        with transaction(tenant.id) as session:
            return _publish(session)

    with ThreadPoolExecutor(1) as others, transaction(tenant.id) as session:
        award_activities(session, [purchase], wall_clock())
        publishing = others.submit(publish)
        _until_somebody_waits(tenant.id)
        done = wall_clock()
        session.commit()
        assert publishing.result(30) >= done
    with transaction(tenant.id) as session:
        assert awarded(session, purchase) == 1
