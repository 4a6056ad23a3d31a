"""Reads. Looking up a key or an issuer happens before the tenant is known: as the system role."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.tenants.models import ApiKey, Issuer, Tenant


def tenant_id_of(session: Session, slug: str) -> int:
    """The id of the tenant named `slug`. Raises NotFound."""
    tenant_id = session.scalar(select(Tenant.id).where(Tenant.slug == slug))
    if tenant_id is None:
        raise NotFound(f"There is no tenant {slug!r}.")
    return tenant_id


def slug_of(session: Session, tenant_id: int) -> str:
    """The slug of a tenant that exists."""
    return session.execute(select(Tenant.slug).where(Tenant.id == tenant_id)).scalar_one()


def key_of_prefix(session: Session, prefix: str) -> ApiKey | None:
    """The key that starts with `prefix`, revoked and expired ones too."""
    return session.scalar(select(ApiKey).where(ApiKey.prefix == prefix))


def issuer_of(session: Session, iss: str, kid: str) -> Issuer | None:
    """The issuer row that alone says whose a token is and how it is signed."""
    return session.get(Issuer, (iss, kid))


def signing_issuer(session: Session, tenant_id: int) -> Issuer:
    """The newest issuer of the tenant that we can sign for ourselves. Raises NotFound."""
    issuer = session.scalar(
        select(Issuer)
        .where(Issuer.tenant_id == tenant_id, Issuer.algorithm == "HS256")
        .order_by(Issuer.created_at.desc(), Issuer.kid.desc())
        .limit(1)
    )
    if issuer is None:
        raise NotFound("The tenant has no secret of its own to sign tokens with.")
    return issuer


def keys(session: Session, before: UUID | None, limit: int) -> Sequence[ApiKey]:
    """The tenant's keys, newest first, from before the id `before`."""
    query = select(ApiKey).order_by(ApiKey.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ApiKey.id < before)
    return session.scalars(query).all()
