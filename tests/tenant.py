"""A committed tenant of one's own, so that tests beside each other never meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from loyalty.clock import wall_clock
from loyalty.tenants.add_tenant import add_tenant
from loyalty.tenants.models import Issuer
from loyalty.tenants.queries import signing_issuer
from loyalty.tenants.roles import Role
from loyalty.tenants.tokens import mint

_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TestTenant:
    """`id` for the book, `slug` for the outside, `token(role)` for HTTP."""

    __test__ = False

    id: int
    slug: str
    issuer: Issuer

    def token(self, role: str = "admin", member: str | None = None) -> str:
        """A bearer token of this tenant; with `member`, one that speaks for them."""
        role = "member" if member else role
        at = wall_clock()
        return mint(self.issuer, role=Role(role), subject=member or role, life=_LIFE, at=at)

    def headers(self, role: str = "admin", member: str | None = None) -> dict[str, str]:
        """The Authorization header for such a token."""
        return {"Authorization": f"Bearer {self.token(role, member)}"}


def fresh_tenant(session: Session, *, sandbox: bool = False) -> TestTenant:
    """A tenant nobody else has heard of. The session is of the system role."""
    slug = f"t-{uuid4().hex}"
    tenant_id = add_tenant(session, slug, "Test", wall_clock(), sandbox=sandbox)
    issuer = signing_issuer(session, tenant_id)
    session.expunge(issuer)
    return TestTenant(tenant_id, slug, issuer)
