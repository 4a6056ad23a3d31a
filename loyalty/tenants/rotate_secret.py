"""A tenant's secret, with which its tokens are signed, is followed by a new one."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.tenants.models import Issuer
from loyalty.tenants.queries import signing_issuer, slug_of, tenant_named

LONGEST_OVERLAP = timedelta(days=31)


def own_secret(tenant_id: int, slug: str, kid: str, at: datetime) -> Issuer:
    """A fresh secret that signs as `loyalty:{slug}`."""
    return Issuer(
        tenant_id=tenant_id,
        iss=f"loyalty:{slug}",
        kid=kid,
        algorithm="HS256",
        verification_key=secrets.token_urlsafe(48),
        created_at=at,
    )


def rotate_secret(session: Session, overlap: timedelta, by: By) -> Issuer:
    """Signs with a new secret from now on; what the present one signed is believed for `overlap`.

    An overlap of zero ends every token of the tenant's own within 10 s.
    """
    tenant_id: int = session.info["tenant_id"]
    tenant = tenant_named(session, slug_of(session, tenant_id), lock=True)  # one after the other
    present = signing_issuer(session, tenant_id)
    ends = by.at + overlap
    session.execute(
        update(Issuer)
        .where(Issuer.algorithm == "HS256", Issuer.expires_at.is_(None))
        .values(expires_at=ends)
    )
    session.execute(delete(Issuer).where(Issuer.algorithm == "HS256", Issuer.expires_at <= by.at))
    following = own_secret(tenant_id, tenant.slug, secrets.token_hex(6), by.at)
    session.add(following)
    session.flush()
    record(
        session,
        by,
        act="token_secret.rotate",
        subject=f"token_secret {following.kid}",
        before={"kid": present.kid},
        after={"kid": following.kid, "before_ends_at": ends.isoformat()},
    )
    return following
