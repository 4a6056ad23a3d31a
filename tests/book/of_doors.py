"""What the doors leave in a book: somebody who logs in, and a provider that is trusted."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.tenants.add_operator import NewOperator, add_operator
from loyalty.tenants.jwks import public_keys
from loyalty.tenants.roles import Role
from loyalty.tenants.trust_provider import Provider, trust_provider
from tests.tenants.provider import EC, jwk

_BY = By("test", None, datetime(2026, 7, 1, 12, tzinfo=UTC))


def let_in(session: Session, slug: str) -> None:
    """An operator, and a provider with one key."""
    person = NewOperator(f"{slug}-anna", Role.SUPPORT, "correct horse battery")
    add_operator(session, person, _BY)
    iss = f"https://{slug}.{session.info['tenant_id']}.example/"
    provider = Provider(iss, "loyalty", None, ["member"])
    trust_provider(session, provider, public_keys({"keys": [jwk(EC, "k1")]}), _BY)
