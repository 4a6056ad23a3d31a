"""Keys that stand behind a URL are read again when a token asks for it. The call itself is made
between the two transactions of these verbs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.tenants.jwks import PublicKey
from loyalty.tenants.models import KeySet
from loyalty.tenants.queries import key_set, keys_of_set
from loyalty.tenants.rules import BETWEEN_TRIES
from loyalty.tenants.trust_provider import replace_keys

_BY = ":keys"


def claim_reading(session: Session, key_set_id: UUID, at: datetime) -> str | None:
    """The URL, if nobody else has tried it just now: of all processes one calls it."""
    url: str | None = session.scalar(
        update(KeySet)
        .where(KeySet.id == key_set_id, KeySet.tried_at <= at - BETWEEN_TRIES)
        .values(tried_at=at)
        .returning(KeySet.url)
    )
    return url


def keep_keys(
    session: Session, key_set_id: UUID, url: str, keys: Sequence[PublicKey], at: datetime
) -> None:
    """Believes what the URL says now, and nothing that it no longer says.

    A set that was changed or removed meanwhile is left alone. A change is written down.
    """
    present = key_set(session, key_set_id, lock=True)
    if present.url != url:
        return
    before = _kids(session, key_set_id)
    taken = replace_keys(session, present, keys, By(_BY, None, at))
    present.fetched_at = at
    present.trouble = f"Known already: {', '.join(sorted(taken))}." if taken else None
    session.flush()
    after = _kids(session, key_set_id)
    if after != before:
        record(
            session,
            By(_BY, None, at),
            act="provider.keys",
            subject=f"provider {present.iss}",
            before={"kids": before},
            after={"kids": after},
        )


def keep_trouble(session: Session, key_set_id: UUID, url: str, why: str) -> None:
    """Writes down why the keys could not be read; those that are known are believed for a day."""
    session.execute(
        update(KeySet).where(KeySet.id == key_set_id, KeySet.url == url).values(trouble=why)
    )


def _kids(session: Session, key_set_id: UUID) -> list[str]:
    return [key.kid for key in keys_of_set(session, key_set_id)]
