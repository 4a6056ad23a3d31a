"""An API key ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.tenants.models import ApiKey


def revoke_key(session: Session, key_id: UUID, at: datetime) -> ApiKey:
    """Revokes the key; every web process obeys within 10 s. Twice is once. Raises NotFound."""
    key: ApiKey | None = session.scalar(
        update(ApiKey)
        .where(ApiKey.id == key_id)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, at))
        .returning(ApiKey)
    )
    if key is None:
        raise NotFound(f"There is no API key {key_id}.")
    return key


_REVOKE_OF_SOURCE = text(
    "UPDATE api_key SET revoked_at = :at WHERE tenant_id = :tenant AND sources = ARRAY[:source]"
    " AND revoked_at IS NULL"
)


def revoke_keys_of_source(session: Session, source: str, at: datetime) -> None:
    """Ends every key that speaks for this source and for no other."""
    session.execute(
        _REVOKE_OF_SOURCE, {"tenant": session.info["tenant_id"], "source": source, "at": at}
    )
