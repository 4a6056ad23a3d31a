"""A tenant comes into being, with a secret of its own to sign tokens with."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.errors import Conflict
from loyalty.tenants.models import Issuer, Tenant


class TenantExists(Conflict):
    """409: the slug is taken."""

    code = "tenant_exists"
    title = "There is a tenant of this name already"
    cure = "Choose another slug."


def add_tenant(
    session: Session, slug: str, name: str, at: datetime, *, sandbox: bool = False
) -> int:
    """Adds a tenant and its issuer `loyalty:{slug}`; returns its id. As the system role.

    A sandbox has a clock of its own; it stays one for ever, and what is live stays live.

    Raises TenantExists.
    """
    tenant_id: int | None = session.scalar(
        insert(Tenant)
        .values(slug=slug, name=name, created_at=at, sandbox=sandbox)
        .on_conflict_do_nothing(index_elements=[Tenant.slug])
        .returning(Tenant.id)
    )
    if tenant_id is None:
        raise TenantExists(f"There is a tenant {slug!r} already.")
    session.execute(
        insert(Issuer).values(
            tenant_id=tenant_id,
            iss=f"loyalty:{slug}",
            kid="1",
            algorithm="HS256",
            verification_key=secrets.token_urlsafe(48),
            created_at=at,
        )
    )
    return tenant_id
