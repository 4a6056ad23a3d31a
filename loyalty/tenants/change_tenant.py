"""The platform renames a tenant, shuts its doors, or opens them again. As the system role."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict
from loyalty.tenants.models import Tenant
from loyalty.tenants.queries import tenant_named


class TenantWrongState(Conflict):
    """409: it is so already."""

    code = "tenant_wrong_state"
    title = "The tenant is so already"
    cure = "Read the tenant, and decide again."


def rename_tenant(session: Session, present: Tenant, name: str, by: By) -> Tenant:
    """Gives a locked tenant another name; its slug stays for ever."""
    before = {"name": present.name}
    present.name = name
    return _changed(session, "tenant.change", present, by, before, {"name": name})


def suspend_tenant(session: Session, slug: str, reason: str, by: By) -> Tenant:
    """Lets nobody of the tenant in; every process obeys within 10 s. What was accepted is judged,
    and what time does goes on. Raises NotFound, TenantWrongState."""
    present = tenant_named(session, slug, lock=True)
    if present.suspended_at is not None:
        raise TenantWrongState("The tenant is suspended already.")
    present.suspended_at, present.suspended_reason = by.at, reason
    return _changed(session, "tenant.suspend", present, by, *_TURNED, reason=reason)


def resume_tenant(session: Session, slug: str, reason: str, by: By) -> Tenant:
    """Lets the tenant's people in again. Raises NotFound, TenantWrongState."""
    present = tenant_named(session, slug, lock=True)
    if present.suspended_at is None:
        raise TenantWrongState("The tenant is not suspended.")
    present.suspended_at = present.suspended_reason = None
    return _changed(session, "tenant.resume", present, by, *reversed(_TURNED), reason=reason)


_TURNED = ({"suspended": False}, {"suspended": True})


def _changed(
    session: Session,
    act: str,
    present: Tenant,
    by: By,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    reason: str | None = None,
) -> Tenant:
    present.version += 1
    session.flush()
    session.info["tenant_id"] = present.id
    record(
        session,
        by,
        act=act,
        subject=f"tenant {present.slug}",
        before=before,
        after=after,
        reason=reason,
    )
    return present
