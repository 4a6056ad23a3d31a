"""An API key comes into being. Its secret is told once; only its hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.errors import Invalid
from loyalty.ids import uuid7
from loyalty.tenants.models import ApiKey
from loyalty.tenants.roles import SCOPES, Role

_MARK = "lk"


def add_key(
    session: Session,
    *,
    tenant_id: int,
    name: str,
    role: Role,
    scopes: Collection[str] | None,
    sources: Collection[str] | None,
    expires_at: datetime | None,
    at: datetime,
) -> tuple[ApiKey, str]:
    """The new key, and the text that its bearer sends: `lk_<prefix>_<secret>`.

    `scopes` and `sources` of None restrict nothing. Raises Invalid for an unknown scope, an
    expiry that has passed, or the role `member` (members have tokens, not keys).
    """
    if role is Role.MEMBER:
        raise Invalid.field("/role", "not_for_keys", "Members have tokens, not keys.")
    if unknown := set(scopes or ()) - SCOPES:
        raise Invalid.field("/scopes", "unknown_scope", f"Unknown: {', '.join(sorted(unknown))}.")
    if expires_at is not None and expires_at <= at:
        raise Invalid.field("/expires_at", "in_the_past", "The expiry has passed already.")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey(
        tenant_id=tenant_id,
        id=uuid7(),
        prefix=prefix,
        secret_hash=_hash(secret),
        name=name,
        role=role.value,
        scopes=None if scopes is None else sorted(set(scopes)),
        sources=None if sources is None else sorted(set(sources)),
        expires_at=expires_at,
        revoked_at=None,
        created_at=at,
    )
    session.add(key)
    session.flush()
    return key, f"{_MARK}_{prefix}_{secret}"


def split_key(bearer: str) -> tuple[str, str] | None:
    """Prefix and secret of a bearer text that has the form of an API key."""
    mark, _, rest = bearer.partition("_")
    prefix, separator, secret = rest.partition("_")
    return (prefix, secret) if mark == _MARK and separator else None


def opens(key: ApiKey, secret: str, at: datetime) -> bool:
    """Whether `secret` is the key's and the key is neither revoked nor expired at `at`."""
    return (
        hmac.compare_digest(key.secret_hash, _hash(secret))
        and key.revoked_at is None
        and (key.expires_at is None or at < key.expires_at)
    )


def _hash(secret: str) -> bytes:
    # The secret is 256 random bits, so there is nothing to guess that a slow hash would protect.
    return hashlib.sha256(secret.encode()).digest()
