"""A tenant comes into being, with a secret of its own to sign tokens with."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, Invalid
from loyalty.tenants.models import Tenant
from loyalty.tenants.queries import tenant_named
from loyalty.tenants.rotate_secret import own_secret

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


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

    Raises TenantExists, Invalid.
    """
    if _SLUG.fullmatch(slug) is None:
        detail = "1 to 63 of a-z 0-9 and - are expected, not starting with -"
        raise Invalid.field("/slug", "malformed", detail)
    tenant_id: int | None = session.scalar(
        insert(Tenant)
        .values(slug=slug, name=name, created_at=at, sandbox=sandbox)
        .on_conflict_do_nothing(index_elements=[Tenant.slug])
        .returning(Tenant.id)
    )
    if tenant_id is None:
        raise TenantExists(f"There is a tenant {slug!r} already.")
    session.add(own_secret(tenant_id, slug, "1", at))
    session.flush()
    return tenant_id


def open_tenant(session: Session, slug: str, name: str, by: By, *, sandbox: bool = False) -> Tenant:
    """Adds a tenant for whom `by` asked: it is the first thing that its own log tells.

    As the system role. Raises TenantExists.
    """
    tenant_id = add_tenant(session, slug, name, by.at, sandbox=sandbox)
    session.info["tenant_id"] = tenant_id
    record(
        session,
        by,
        act="tenant.add",
        subject=f"tenant {slug}",
        after={"name": name, "sandbox": sandbox},
    )
    return tenant_named(session, slug)
