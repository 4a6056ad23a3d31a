"""Who did what is added to, never changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import Sought, records
from loyalty.audit.record import record
from loyalty.transaction import across_tenants, transaction
from tests.tenant import TestTenant, fresh_tenant

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_what_was_done_is_told_newest_first(session: Session) -> None:
    record(session, By("admin:anna", None, AT), act="pause", subject="program:wine", reason="bug")
    record(
        session,
        By("key:abc", "r-1", AT),
        act="change",
        subject="program:wine",
        before={"name": "Wine"},
        after={"name": "Wine & Dine"},
    )
    change, pause = records(session, None, 10)
    assert (pause.actor, pause.act, pause.reason, pause.before, pause.at) == (
        "admin:anna",
        "pause",
        "bug",
        None,
        AT,
    )
    assert (change.before, change.after, change.request_id) == (
        {"name": "Wine"},
        {"name": "Wine & Dine"},
        "r-1",
    )
    assert records(session, change.id, 10) == [pause]
    assert session.scalar(text("SELECT count(*) FROM audit_record WHERE before IS NULL")) == 1


@pytest.mark.parametrize(
    "change", ["UPDATE audit_record SET act = 'x'", "DELETE FROM audit_record"]
)
def test_what_was_written_down_stays(tenant: TestTenant, change: str) -> None:
    with transaction(tenant.id) as session:
        record(session, By("a", None, AT), act="b", subject="c")
    with pytest.raises(DBAPIError, match="permission denied"), transaction(tenant.id) as session:
        session.execute(text(change))


def test_another_tenant_sees_none_of_it(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        record(session, By("a", None, AT), act="b", subject="c")
    with across_tenants() as system:
        other = fresh_tenant(system)
    with transaction(other.id) as session:
        assert records(session, None, 10) == []


def test_what_is_sought_is_found(session: Session) -> None:
    for hour, (actor, act, request_id) in enumerate(
        [("admin:anna", "a.b", "r-1"), ("admin:bob", "a.b", "r-2"), ("admin:anna", "c.d", "r-2")]
    ):
        at = AT + timedelta(hours=hour)
        record(session, By(actor, request_id, at), act=act, subject="x")

    def found(**sought: Any) -> list[int]:
        rows = records(session, None, 9, Sought(**sought))
        return [(row.at - AT) // timedelta(hours=1) for row in rows]

    assert found() == [2, 1, 0]
    assert found(actor="admin:anna") == [2, 0]
    assert found(act="a.b") == [1, 0]
    assert found(actor="admin:anna", act="a.b") == [0]
    assert found(request_id="r-2") == [2, 1]
    assert found(subject="y") == []
    assert found(since=AT + timedelta(hours=1)) == [2, 1]
    assert found(until=AT + timedelta(hours=1)) == [0]
