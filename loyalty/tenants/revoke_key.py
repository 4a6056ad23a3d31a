"""An API key ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.tenants.issue_key import told
from loyalty.tenants.models import ApiKey
from loyalty.tenants.queries import key as key_of


def revoke_key(session: Session, key_id: UUID, by: By) -> ApiKey:
    """Revokes the key; every web process obeys within 10 s. Twice is once. Raises NotFound."""
    key = key_of(session, key_id, lock=True)
    if key.revoked_at is None:
        before = told(key)
        key.revoked_at = by.at
        session.flush()
        record(
            session,
            by,
            act="api_key.revoke",
            subject=f"api_key {key.id}",
            before=before,
            after=told(key),
        )
    return key


_REVOKE_OF_SOURCE = text(
    "UPDATE api_key SET revoked_at = :at WHERE tenant_id = :tenant AND sources = ARRAY[:source]"
    " AND revoked_at IS NULL RETURNING id"
)


def revoke_keys_of_source(session: Session, source: str, at: datetime) -> list[UUID]:
    """Ends every key that speaks for this source and for no other; tells which."""
    return list(
        session.scalars(
            _REVOKE_OF_SOURCE, {"tenant": session.info["tenant_id"], "source": source, "at": at}
        )
    )
