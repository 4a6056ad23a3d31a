"""When a key was last used, to the minute: who rotates or revokes it can see who still has it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.tenants.models import ApiKey

_TO_THE = timedelta(minutes=1)
#: Somebody else notes it just now, or rotates the key: then nobody waits for them.
_NOTE = text(
    "UPDATE api_key SET last_used_at = :at WHERE tenant_id = :tenant AND id = (SELECT id"
    " FROM api_key WHERE tenant_id = :tenant AND id = :key FOR NO KEY UPDATE SKIP LOCKED)"
)


def note_use(session: Session, key: ApiKey, at: datetime) -> None:
    """Notes that the key was used. As the system role."""
    if key.last_used_at is None or key.last_used_at <= at - _TO_THE:
        session.execute(_NOTE, {"tenant": key.tenant_id, "key": key.id, "at": at})
