"""A tenant trusts an identity provider: the tokens that its keys have signed are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, Invalid
from loyalty.ids import uuid7
from loyalty.tenants.jwks import PublicKey
from loyalty.tenants.models import Issuer, KeySet
from loyalty.tenants.queries import key_set, keys_of_set

MOST_PROVIDERS = 20
_OWN = "loyalty:"  # how the names of our own issuers begin


class ProviderTaken(Conflict):
    """409: a key of that issuer and name is somebody's already."""

    code = "provider_taken"
    title = "These keys are registered already"
    cure = "Change the provider that you have, or take other keys: `iss` and `kid` are unique."


class TooManyProviders(Conflict):
    """409: as many as there may be."""

    code = "too_many_providers"
    title = "There are too many identity providers"
    cure = f"Remove one: a tenant has at most {MOST_PROVIDERS}."


@dataclass(frozen=True, slots=True)
class Provider:
    """Who signs, for whom, and what is believed. `url` None: the keys were given.

    `role_claim` and `subject_claim` are where a token says its role and its name.
    """

    iss: str
    audience: str
    url: str | None
    roles: Sequence[str]
    role_claim: str = "role"
    subject_claim: str = "sub"
    leeway_s: int = 10


def trust_provider(
    session: Session, provider: Provider, keys: Sequence[PublicKey], by: By
) -> KeySet:
    """Trusts the provider's keys from now on. Raises Invalid, ProviderTaken, TooManyProviders."""
    if provider.iss.startswith(_OWN):
        raise Invalid.field("/iss", "reserved", f"What begins with {_OWN} is of the house itself.")
    if session.scalar(select(func.count()).select_from(KeySet)) == MOST_PROVIDERS:
        raise TooManyProviders
    made: KeySet | None = session.scalar(
        insert(KeySet)
        .values(
            tenant_id=session.info["tenant_id"],
            id=uuid7(),
            **_values(provider),
            created_at=by.at,
            fetched_at=by.at if provider.url else None,
            tried_at=by.at if provider.url else None,
        )
        .on_conflict_do_nothing()
        .returning(KeySet)
    )
    if made is None:
        raise ProviderTaken(f"{provider.iss} is trusted already.")
    _put_keys(session, made, keys, by)
    _record(session, "provider.trust", made, by, after=told(session, made))
    return made


def change_provider(
    session: Session, present: KeySet, provider: Provider, keys: Sequence[PublicKey] | None, by: By
) -> KeySet:
    """Puts `provider` in the place of a locked one; `keys` None: they stay.

    Raises ProviderTaken.
    """
    before = told(session, present)
    for name, value in _values(provider).items():
        setattr(present, name, value)
    present.fetched_at = present.tried_at = by.at if provider.url else None
    present.trouble = None
    present.version += 1
    session.flush()
    if keys is not None:
        _put_keys(session, present, keys, by)
    _record(session, "provider.change", present, by, before=before, after=told(session, present))
    return present


def distrust_provider(session: Session, key_set_id: UUID, by: By) -> KeySet:
    """Believes none of its tokens any more; every process obeys within 10 s. Raises NotFound."""
    gone = key_set(session, key_set_id, lock=True)
    _record(session, "provider.distrust", gone, by, before=told(session, gone))
    session.delete(gone)
    session.flush()
    return gone


def told(session: Session, one: KeySet) -> dict[str, Any]:
    """What an audit record keeps."""
    return {
        "iss": one.iss,
        "audience": one.audience,
        "url": one.url,
        "roles": one.roles,
        "role_claim": one.role_claim,
        "subject_claim": one.subject_claim,
        "leeway_s": one.leeway_s,
        "kids": [key.kid for key in keys_of_set(session, one.id)],
    }


def replace_keys(session: Session, present: KeySet, keys: Sequence[PublicKey], by: By) -> set[str]:
    """Puts `keys` in the place of those that the set had; tells which belong to somebody else."""
    session.execute(delete(Issuer).where(Issuer.key_set_id == present.id))
    rows = [
        {
            "tenant_id": present.tenant_id,
            "iss": present.iss,
            "kid": key.kid,
            "algorithm": key.algorithm,
            "verification_key": key.pem,
            "created_at": by.at,
            "key_set_id": present.id,
        }
        for key in sorted(keys, key=lambda one: one.kid)
    ]
    put = session.scalars(
        insert(Issuer).values(rows).on_conflict_do_nothing().returning(Issuer.kid)
    ).all()
    return {key.kid for key in keys} - set(put)


def _put_keys(session: Session, present: KeySet, keys: Sequence[PublicKey], by: By) -> None:
    if taken := replace_keys(session, present, keys, by):
        raise ProviderTaken(f"Known already: {', '.join(sorted(taken))} of {present.iss}.")


def _values(provider: Provider) -> dict[str, Any]:
    return {
        "iss": provider.iss,
        "audience": provider.audience,
        "url": provider.url,
        "roles": sorted(set(provider.roles)),
        "role_claim": provider.role_claim,
        "subject_claim": provider.subject_claim,
        "leeway_s": provider.leeway_s,
    }


def _record(
    session: Session,
    act: str,
    one: KeySet,
    by: By,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    record(
        session,
        by,
        act=act,
        subject=f"provider {one.iss}",
        before=before,
        after=after,
    )
