"""What stands between a request and Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from loyalty.db import Role, engine
from loyalty.errors import Unavailable
from loyalty.outbox.handover import publisher
from loyalty.transaction import across_tenants, brief, read_row, transaction, undone
from loyalty.web import intake, waiting
from tests.elsewhere import redis_at
from tests.opened import opened
from tests.servers import Own
from tests.tenant import TestTenant, fresh_tenant

_OWN_SLUG = "SELECT slug FROM tenant WHERE %(any)s"


def test_a_row_is_read_behind_the_tenant_s_wall(tenant: TestTenant) -> None:
    with across_tenants() as session:
        other = fresh_tenant(session)
    for one in (tenant, other, tenant):
        assert read_row(one.id, _OWN_SLUG, {"any": True}) == (one.slug,)
    assert read_row(tenant.id, _OWN_SLUG, {"any": False}) is None


def test_a_read_leaves_no_tenant_behind(tenant: TestTenant) -> None:
    read_row(tenant.id, _OWN_SLUG, {"any": True})
    nobody = read_row(0, "SELECT count(*) FROM tenant", {})
    assert nobody == (0,)


def test_nothing_is_compiled_whatever_the_server_is_set_to(tenant: TestTenant) -> None:
    asked = "SELECT setting, source FROM pg_settings WHERE name = 'jit'"
    with across_tenants() as session:
        assert session.execute(text(asked)).one() == ("off", "client")
    assert read_row(tenant.id, asked, {}) == ("off", "client")


def test_a_burst_of_first_requests_makes_one_of_each(database: Own) -> None:
    at_once = Barrier(16)

    def first(_: int) -> tuple[object, ...]:
        at_once.wait()
        engines = engine(Role.APP), engine(Role.SYSTEM)
        return waiting.waiting(), intake.intake(), publisher(), *engines

    waiting._waiting_of.cache_clear()
    intake._intake_of.cache_clear()
    with redis_at(database.valkey.url(1)), ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(first, range(16)))) == 1


def test_a_cut_connection_is_a_503_and_the_next_read_works(
    database: Own, tenant: TestTenant
) -> None:
    own = read_row(tenant.id, "SELECT pg_backend_pid()", {})
    assert own is not None
    admin = psycopg2.connect(database.postgres.superuser_url())
    try:
        with admin.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", own)
    finally:
        admin.close()
    with pytest.raises(Unavailable):
        read_row(tenant.id, _OWN_SLUG, {"any": True})
    assert read_row(tenant.id, _OWN_SLUG, {"any": True}) == (tenant.slug,)


_RENAME = "UPDATE program SET name = %(name)s"
_NAME = "SELECT name FROM program"


def _named(tenant: TestTenant) -> str:
    with transaction(tenant.id) as session:
        return str(session.scalar(text(_NAME)))


@pytest.fixture
def wine(tenant: TestTenant) -> TestTenant:
    """A tenant with one program."""
    with transaction(tenant.id) as session:
        opened(session)
    return tenant


def test_what_is_brief_is_committed_with_its_end(wine: TestTenant) -> None:
    with brief(wine.id) as statements:
        assert statements.rows(_NAME, {}) == [("Wine & Dine",)]
        statements.end(_RENAME, {"name": "Brief"})
    assert _named(wine) == "Brief"


def test_what_is_brief_and_has_no_end_is_undone(wine: TestTenant) -> None:
    with brief(wine.id) as statements:
        assert statements.rows(f"{_RENAME} RETURNING name", {"name": "Lost"}) == [("Lost",)]
    assert _named(wine) == "Wine & Dine"


def test_an_end_that_fails_commits_nothing(wine: TestTenant) -> None:
    with brief(wine.id) as statements:
        statements.rows(f"{_RENAME} RETURNING name", {"name": "Lost"})
        with pytest.raises(psycopg2.DataError):
            statements.end("SELECT 1 / 0", {})
    assert _named(wine) == "Wine & Dine"


def test_what_is_brief_is_behind_the_tenant_s_wall(wine: TestTenant) -> None:
    with across_tenants() as session:
        other = fresh_tenant(session)
    with brief(other.id) as statements:
        assert statements.rows(_NAME, {}) == []


def test_what_waits_too_long_is_told_as_a_session_tells_it(wine: TestTenant) -> None:
    with transaction(wine.id) as session:
        session.execute(text("SELECT FROM program FOR UPDATE"))
        wait = "SELECT set_config('lock_timeout', '10ms', true)"
        with brief(wine.id) as statements:
            statements.rows(wait, {})
            with pytest.raises(OperationalError) as refused:
                statements.rows("SELECT FROM program FOR UPDATE", {})
    assert getattr(refused.value.orig, "pgcode", None) == "55P03"


def test_of_what_is_undone_nothing_stays(wine: TestTenant) -> None:
    with undone(wine.id) as session:
        session.execute(text("UPDATE program SET name = 'Lost'"))
    assert _named(wine) == "Wine & Dine"
