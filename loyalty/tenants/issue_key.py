"""An API key is issued, and it is written down who did."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.tenants.add_key import add_key
from loyalty.tenants.models import ApiKey
from loyalty.tenants.roles import Role


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key may do: `scopes` and `sources` of None restrict nothing."""

    name: str
    role: Role
    scopes: Collection[str] | None = None
    sources: Collection[str] | None = None
    expires_at: datetime | None = None


def issue_key(
    session: Session, new: NewKey, by: By, *, instead_of: UUID | None = None
) -> tuple[ApiKey, str]:
    """The key of the session's tenant, and what its bearer sends, which is told this once.

    `instead_of` names the key that it follows. Raises Invalid.
    """
    key, bearer = add_key(
        session,
        tenant_id=session.info["tenant_id"],
        name=new.name,
        role=new.role,
        scopes=new.scopes,
        sources=new.sources,
        expires_at=new.expires_at,
        at=by.at,
    )
    record(
        session,
        by,
        act="api_key.add",
        subject=f"api_key {key.id}",
        after={**told(key), "instead_of": instead_of and str(instead_of)},
    )
    return key, bearer


def told(key: ApiKey) -> dict[str, Any]:
    """What an audit record keeps of a key: never what opens it."""
    return {
        "name": key.name,
        "prefix": key.prefix,
        "role": key.role,
        "scopes": key.scopes,
        "sources": key.sources,
        "expires_at": key.expires_at and key.expires_at.isoformat(),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(),
    }
