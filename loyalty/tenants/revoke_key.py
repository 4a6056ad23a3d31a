"""An API key ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
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
