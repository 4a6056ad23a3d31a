"""Who acts at a terminal, in which tenant, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.cli.frame import user
from loyalty.clock import now
from loyalty.tenants.queries import tenant_id_of
from loyalty.transaction import across_tenants, transaction


@contextmanager
def acting(tenant: str) -> Iterator[tuple[Session, By]]:
    """A transaction of the tenant, and who sits here. Raises NotFound for an unknown tenant."""
    with across_tenants() as session:
        tenant_id = tenant_id_of(session, tenant)
    with transaction(tenant_id) as session:
        yield session, By(f"operator:{user()}", None, now(session))
