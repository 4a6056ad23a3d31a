"""Whose key signed a token: known at once, or read again from where its owner publishes it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from loyalty.clock import wall_clock
from loyalty.errors import NotFound
from loyalty.logs import logger
from loyalty.tenants import queries
from loyalty.tenants.fetch_keys import fetch_keys
from loyalty.tenants.jwks import Unusable
from loyalty.tenants.models import Issuer, KeySet
from loyalty.tenants.principal import Unauthenticated
from loyalty.tenants.read_keys_again import claim_reading, keep_keys, keep_trouble
from loyalty.tenants.roles import Role
from loyalty.tenants.rules import is_stale, must_be_read_again
from loyalty.tenants.tokens import Trust
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)


def trusted(iss: str, kid: str) -> Trust | None:
    """What is believed of a token that names `iss` and `kid`; None: nothing.

    Keys behind a URL are read again when they are old, or this one is not among them; the call
    is made outside of any transaction. Raises Unauthenticated for keys that nobody could read
    for a day.
    """
    at = wall_clock()
    found, sets = _look(iss, kid)
    due = [one for one in sets if _is_due(one, at, known=found is not None)]
    for one in due:
        _read_again(one, at)
    if due:
        found, _ = _look(iss, kid)
    if found is None:
        return None
    issuer, provider = found
    if issuer.expires_at is not None and issuer.expires_at <= at:
        return None
    if provider is None:
        return Trust(issuer.tenant_id, issuer.algorithm, issuer.verification_key)
    if provider.fetched_at is not None and is_stale(provider.fetched_at, at):
        raise Unauthenticated("The keys of the token's issuer could not be read for a day.")
    return Trust(
        issuer.tenant_id,
        issuer.algorithm,
        issuer.verification_key,
        own=False,
        audience=provider.audience,
        leeway_s=provider.leeway_s,
        roles=frozenset(map(Role, provider.roles)),
        role_claim=provider.role_claim,
        subject_claim=provider.subject_claim,
    )


def _look(iss: str, kid: str) -> tuple[tuple[Issuer, KeySet | None] | None, Sequence[KeySet]]:
    """The key, and the sets that should be read again if it is time."""
    with across_tenants() as session:
        found = queries.issuer_of(session, iss, kid)
        if found is None:
            return None, queries.key_sets_of(session, iss)
    provider = found[1]
    return found, [] if provider is None or provider.url is None else [provider]


def _is_due(one: KeySet, at: datetime, *, known: bool) -> bool:
    if one.fetched_at is None or one.tried_at is None:
        return False
    return must_be_read_again(one.fetched_at, one.tried_at, at, known=known)


def _read_again(one: KeySet, at: datetime) -> None:
    """Reads the keys, unless another process has tried just now."""
    with transaction(one.tenant_id) as session:
        url = claim_reading(session, one.id, at)
    if url is None:
        return
    try:
        keys = fetch_keys(url)
    except Unusable as error:
        log.warning("keys cannot be read", iss=one.iss, tenant=one.tenant_id, error=str(error))
        with transaction(one.tenant_id) as session:
            keep_trouble(session, one.id, url, str(error))
        return
    with suppress(NotFound), transaction(one.tenant_id) as session:  # if it is trusted still
        keep_keys(session, one.id, url, keys, at)
