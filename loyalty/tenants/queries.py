"""Reads. Looking up a key or an issuer happens before the tenant is known: as the system role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.tenants.models import ApiKey, Issuer, KeySet, Operator, Tenant

_MOST_SETS_OF_ONE_NAME = 5
_Row = TypeVar("_Row", Tenant, ApiKey, KeySet, Operator)


def tenant_id_of(session: Session, slug: str) -> int:
    """The id of the tenant named `slug`. Raises NotFound."""
    return tenant_named(session, slug).id


def tenant_named(session: Session, slug: str, *, lock: bool = False) -> Tenant:
    """The tenant named `slug`. Raises NotFound."""
    return _one(session, Tenant, Tenant.slug == slug, f"tenant {slug!r}", lock=lock)


def tenants(session: Session, before: int | None, limit: int) -> Sequence[Tenant]:
    """Every tenant, newest first, from before the id `before`. As the system role."""
    return _newest(session, Tenant, before, limit)


def slug_of(session: Session, tenant_id: int) -> str:
    """The slug of a tenant that exists."""
    return session.execute(select(Tenant.slug).where(Tenant.id == tenant_id)).scalar_one()


def is_suspended(session: Session, tenant_id: int) -> bool:
    """Whether nobody of the tenant gets in."""
    query = select(Tenant.suspended_at).where(Tenant.id == tenant_id)
    return session.scalar(query) is not None


def key_of_prefix(session: Session, prefix: str) -> ApiKey | None:
    """The key that starts with `prefix`, revoked and expired ones too."""
    return session.scalar(select(ApiKey).where(ApiKey.prefix == prefix))


def key(session: Session, key_id: UUID, *, lock: bool = False) -> ApiKey:
    """A key of the session's tenant. Raises NotFound."""
    return _one(session, ApiKey, ApiKey.id == key_id, f"API key {key_id}", lock=lock)


def keys(session: Session, before: UUID | None, limit: int) -> Sequence[ApiKey]:
    """The tenant's keys, newest first, from before the id `before`."""
    return _newest(session, ApiKey, before, limit)


def issuer_of(session: Session, iss: str, kid: str) -> tuple[Issuer, KeySet | None] | None:
    """The issuer row that alone says whose a token is and how it is signed, and the key set that
    it is of, if it is not the tenant's own secret."""
    row = session.execute(
        select(Issuer, KeySet)
        .outerjoin(
            KeySet, (KeySet.tenant_id == Issuer.tenant_id) & (KeySet.id == Issuer.key_set_id)
        )
        .where(Issuer.iss == iss, Issuer.kid == kid)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def signing_issuer(session: Session, tenant_id: int) -> Issuer:
    """The tenant's newest secret: what we sign its tokens with. Raises NotFound."""
    issuer = session.scalar(
        select(Issuer)
        .where(
            Issuer.tenant_id == tenant_id,
            Issuer.algorithm == "HS256",
            Issuer.expires_at.is_(None),
        )
        .order_by(Issuer.created_at.desc(), Issuer.kid.desc())
        .limit(1)
    )
    if issuer is None:
        raise NotFound("The tenant has no secret of its own to sign tokens with.")
    return issuer


def secrets_of(session: Session, at: datetime) -> Sequence[Issuer]:
    """The secrets of the session's tenant by which tokens are believed at `at`, newest first."""
    return session.scalars(
        select(Issuer)
        .where(
            Issuer.algorithm == "HS256", or_(Issuer.expires_at.is_(None), Issuer.expires_at > at)
        )
        .order_by(Issuer.created_at.desc(), Issuer.kid.desc())
    ).all()


def key_sets_of(session: Session, iss: str) -> Sequence[KeySet]:
    """The key sets of that name whose keys stand behind a URL, whosever they are."""
    return session.scalars(
        select(KeySet)
        .where(KeySet.iss == iss, KeySet.url.is_not(None))
        .order_by(KeySet.tenant_id, KeySet.id)
        .limit(_MOST_SETS_OF_ONE_NAME)
    ).all()


def key_set(session: Session, key_set_id: UUID, *, lock: bool = False) -> KeySet:
    """A key set of the session's tenant. Raises NotFound."""
    what = f"identity provider {key_set_id}"
    return _one(session, KeySet, KeySet.id == key_set_id, what, lock=lock)


def key_sets(session: Session, before: UUID | None, limit: int) -> Sequence[KeySet]:
    """The tenant's key sets, newest first, from before the id `before`."""
    return _newest(session, KeySet, before, limit)


def keys_of_set(session: Session, key_set_id: UUID) -> Sequence[Issuer]:
    """The keys of a set, by name."""
    return session.scalars(
        select(Issuer).where(Issuer.key_set_id == key_set_id).order_by(Issuer.kid)
    ).all()


def operator(session: Session, operator_id: UUID, *, lock: bool = False) -> Operator:
    """An operator of the session's tenant. Raises NotFound."""
    named = f"operator {operator_id}"
    return _one(session, Operator, Operator.id == operator_id, named, lock=lock)


def find_operator(session: Session, name: str) -> Operator | None:
    """Who logs in by that name, in any case."""
    return session.scalar(select(Operator).where(Operator.name == name.lower()))


def operators(session: Session, before: UUID | None, limit: int) -> Sequence[Operator]:
    """The tenant's operators, newest first, from before the id `before`."""
    return _newest(session, Operator, before, limit)


def role_of_operator(
    session: Session, tenant_id: int, operator_id: UUID, generation: int
) -> str | None:
    """The role that the operator has now; None when tokens of that generation are void."""
    return session.scalar(
        select(Operator.role).where(
            Operator.tenant_id == tenant_id,
            Operator.id == operator_id,
            Operator.generation == generation,
            Operator.disabled_at.is_(None),
        )
    )


def _one(
    session: Session, of: type[_Row], which: ColumnElement[bool], what: str, *, lock: bool = False
) -> _Row:
    query = select(of).where(which)
    found = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if found is None:
        raise NotFound(f"There is no {what}.")
    return found


def _newest(
    session: Session, of: type[_Row], before: int | UUID | None, limit: int
) -> Sequence[_Row]:
    query = select(of).order_by(of.id.desc()).limit(limit)
    if before is not None:
        query = query.where(of.id < before)
    return session.scalars(query).all()
