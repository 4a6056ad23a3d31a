"""A tenant comes with a secret of its own, and behind a wall."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from loyalty.clock import wall_clock
from loyalty.errors import NotFound
from loyalty.tenants import queries
from loyalty.tenants.add_tenant import TenantExists, add_tenant
from loyalty.tenants.models import Issuer, Tenant
from loyalty.transaction import across_tenants, transaction
from tests.tenant import TestTenant, fresh_tenant


def test_a_new_tenant_can_sign_at_once(tenant: TestTenant) -> None:
    with across_tenants() as session:
        issuer = queries.signing_issuer(session, tenant.id)
        assert queries.issuer_of(session, issuer.iss, issuer.kid) == (issuer, None)
        assert queries.tenant_id_of(session, tenant.slug) == tenant.id
    assert (issuer.tenant_id, issuer.iss, issuer.algorithm) == (
        tenant.id,
        f"loyalty:{tenant.slug}",
        "HS256",
    )
    assert len(issuer.verification_key) == 64


def test_no_two_tenants_share_a_secret(database: object) -> None:
    del database
    with across_tenants() as session:
        keys = [fresh_tenant(session).issuer.verification_key for _ in range(3)]
    assert len(set(keys)) == 3


def test_a_slug_is_taken_once(tenant: TestTenant) -> None:
    with pytest.raises(TenantExists), across_tenants() as session:
        add_tenant(session, tenant.slug, "Again", wall_clock())


def test_nobody_is_found_under_an_unknown_slug(database: object) -> None:
    del database
    with pytest.raises(NotFound), across_tenants() as session:
        queries.tenant_id_of(session, f"t-{uuid4().hex}")


def test_a_tenant_sees_itself_and_its_own_issuer_only(tenant: TestTenant) -> None:
    with across_tenants() as session:
        fresh_tenant(session)
    with transaction(tenant.id) as session:
        assert session.scalars(select(Tenant.slug)).all() == [tenant.slug]
        assert session.scalars(select(Issuer.iss)).all() == [f"loyalty:{tenant.slug}"]


def test_the_application_can_add_no_tenant(tenant: TestTenant) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied for table tenant"),
        transaction(tenant.id) as session,
    ):
        session.execute(
            text("INSERT INTO tenant (slug, name, created_at) VALUES ('x', 'x', now())")
        )
