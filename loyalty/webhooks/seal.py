"""Secrets at rest: a signature needs the secret itself, so it is kept sealed and not hashed.

The key is LOYALTY_SECRETS_KEY. Without one, secrets are kept as they are: whoever reads the
database reads them. With one, what was kept before is sealed when it is next rotated.
"""

from __future__ import annotations

import hashlib
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from loyalty.config import config
from loyalty.errors import Problem

_OPEN, _SEALED = b"\0", b"\1"  # the first byte says which
_NONCE_BYTES = 12


class CannotUnseal(Problem):
    """500: the key is not the one that the secret was sealed with."""

    code = "cannot_unseal"
    title = "A secret cannot be read with the present key"
    cure = "Set LOYALTY_SECRETS_KEY as it was, or rotate the webhook's secret."


def seal(secret: bytes, tenant_id: int, webhook_id: UUID) -> bytes:
    """The secret as it is kept; nobody can put it to another webhook."""
    key = _key()
    if key is None:
        return _OPEN + secret
    nonce = os.urandom(_NONCE_BYTES)
    return _SEALED + nonce + key.encrypt(nonce, secret, _whose(tenant_id, webhook_id))


def unseal(kept: bytes, tenant_id: int, webhook_id: UUID) -> bytes:
    """The secret itself. Raises CannotUnseal."""
    if kept[:1] == _OPEN:
        return kept[1:]
    key = _key()
    nonce, sealed = kept[1 : 1 + _NONCE_BYTES], kept[1 + _NONCE_BYTES :]
    try:
        if key is None:
            raise CannotUnseal
        return key.decrypt(nonce, sealed, _whose(tenant_id, webhook_id))
    except InvalidTag:
        raise CannotUnseal from None


def _key() -> AESGCM | None:
    text = config().secrets_key
    return AESGCM(hashlib.sha256(text.encode()).digest()) if text else None


def _whose(tenant_id: int, webhook_id: UUID) -> bytes:
    return f"webhook {tenant_id} {webhook_id}".encode()
