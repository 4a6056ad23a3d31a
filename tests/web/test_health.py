"""What the load balancer and Prometheus are told."""

from __future__ import annotations

import pytest
import redis
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

import celeryconfig
from loyalty import metrics
from loyalty.transaction import across_tenants, transaction
from loyalty.web import health
from tests.servers import Own
from tests.tenant import TestTenant


def test_the_process_answers(client: FlaskClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


def test_ready_without_workers_and_says_so(
    client: FlaskClient, database: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis.from_url(database.valkey.url(2)) as broker:  # of no worker of other tests
        monkeypatch.setattr(health, "_redis", lambda: broker)
        told = client.get("/readyz")
        assert (told.status_code, told.get_json()) == (
            200,
            {
                "status": "ok",
                "postgres": "ok",
                "redis": "ok",
                "worker": "degraded",
                "beat": "degraded",
            },
        )
        broker.set("loyalty:worker", "1", ex=30)
        broker.set("loyalty:heartbeat", "1", ex=30)
        told = client.get("/readyz")
        broker.delete("loyalty:worker", "loyalty:heartbeat")
    assert (told.get_json()["worker"], told.get_json()["beat"]) == ("ok", "ok")


def test_ready_without_redis_too(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.25)
    monkeypatch.setattr(health, "_redis", lambda: nowhere)
    told = client.get("/readyz")
    assert told.status_code == 200
    assert (told.get_json()["postgres"], told.get_json()["redis"]) == ("ok", "degraded")


def test_not_ready_on_tables_of_another_version(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_head", lambda: "9999")
    told = client.get("/readyz")
    assert (told.status_code, told.get_json()["code"]) == (503, "not_migrated")
    assert told.headers["Retry-After"] == "1"


def _scraped(client: FlaskClient) -> dict[str, float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    return {
        f"{sample.name}{dict(sorted(sample.labels.items())) or ''}": sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


@pytest.mark.usefixtures("alone")  # a beat of other tests may find broken what they broke
def test_the_backlog_is_measured_where_it_lies(client: FlaskClient, tenant: TestTenant) -> None:
    before = _scraped(client)["loyalty_intake_backlog"]
    with transaction(tenant.id) as session:
        session.execute(
            text(
                "INSERT INTO unsettled (tenant_id, program_id, activity_id, accepted_at)"
                " VALUES (:tenant, 1, gen_random_uuid(), now() - interval '1 hour')"
            ),
            {"tenant": tenant.id},
        )
    told = _scraped(client)
    with transaction(tenant.id) as session:
        session.execute(text("DELETE FROM unsettled"))
    assert told["loyalty_intake_backlog"] == before + 1
    assert told["loyalty_oldest_unsettled_seconds"] >= 3600
    assert told["loyalty_postgres_up"] == 1
    assert told["loyalty_broken_invariants"] == 0
    for queue in celeryconfig.task_queues:
        assert told[f"loyalty_queue_depth{{'queue': '{queue}'}}"] >= 0


@pytest.mark.usefixtures("alone")
def test_what_the_beat_found_broken_is_told(client: FlaskClient) -> None:
    for broken in (3, 0):
        with across_tenants() as system:
            system.execute(text("UPDATE book_check SET broken = :broken"), {"broken": broken})
        assert _scraped(client)["loyalty_broken_invariants"] == broken


def test_what_the_processes_counted_is_added_up(client: FlaskClient) -> None:
    before = _scraped(client)
    metrics.awarded([0.02, 7.0])
    metrics.accepted(3)
    metrics.set_back("parked", "not_enrolled")
    metrics.burned("redeemed", 0.003)
    after = _scraped(client)

    def more(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert more("loyalty_awards_total") == 2
    assert more("loyalty_accepted_total") == 3
    assert more("loyalty_accepted_to_awarded_seconds_count") == 2
    assert more("loyalty_accepted_to_awarded_seconds_sum") == pytest.approx(7.02)
    assert more("loyalty_accepted_to_awarded_seconds_bucket{'le': '0.025'}") == 1
    assert more("loyalty_set_back_total{'reason': 'not_enrolled', 'status': 'parked'}") == 1
    assert more("loyalty_burn_seconds_count{'outcome': 'redeemed'}") == 1
