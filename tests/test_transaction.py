"""What stands between a request and Postgres."""

from __future__ import annotations

import psycopg2
import pytest

from loyalty.errors import Unavailable
from loyalty.transaction import across_tenants, read_row
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
