"""What the other tests stand on."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.stack import Stack
from tests.tenant import TestTenant


def test_a_session_acts_as_the_application_for_a_tenant_of_its_own(session: Session) -> None:
    assert session.scalar(text("SELECT current_user")) == "loyalty_app"
    assert session.scalars(text("SELECT id FROM tenant")).all() == [session.info["tenant_id"]]


def test_a_tenant_is_known_over_http(stack: Stack, tenant: TestTenant) -> None:
    url = f"{stack.base_url}/v1/api-keys"
    assert stack.http.get(url, headers=tenant.headers("admin"), timeout=5).status_code == 200
    assert stack.http.get(url, headers=tenant.headers("server"), timeout=5).status_code == 403


def test_a_killed_worker_can_be_started_again(stack: Stack) -> None:
    before = stack.worker.pid
    stack.worker.kill()
    stack.worker.start()
    assert stack.worker.pid != before
    assert stack.goes_through("award")


def test_beat_ticks_when_it_is_asked_for(stack: Stack) -> None:
    stack.sweeper.start()
    stack.beat.start()
    assert stack.http.get(f"{stack.base_url}/readyz", timeout=5).json()["beat"] == "ok"
