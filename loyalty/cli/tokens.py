"""Bearer tokens for people at a terminal."""

from __future__ import annotations

import re
from datetime import timedelta

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.cli.frame import user
from loyalty.clock import wall_clock
from loyalty.tenants.queries import signing_issuer, tenant_id_of
from loyalty.tenants.roles import Role
from loyalty.tenants.tokens import mint
from loyalty.transaction import across_tenants

_LIFE = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def life_of(text: str) -> timedelta:
    """`90s`, `15m`, `1h`, `30d` as a duration. Raises ValueError."""
    if (match := _LIFE.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is not a time to live: write 90s, 15m, 1h or 30d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def token(tenant: str, role: Role, subject: str, life: timedelta) -> str:
    """A token that speaks as `role` in the tenant; `subject` is the member's id or a name.

    Whoever gives out a token of the staff is written down. Raises NotFound when there is no such
    tenant.
    """
    at = wall_clock()
    with across_tenants() as session:
        tenant_id = session.info["tenant_id"] = tenant_id_of(session, tenant)
        if role is not Role.MEMBER:
            record(
                session,
                By(f"operator:{user()}", None, at),
                act="token.mint",
                subject=f"token {role}:{subject}",
                after={"expires_at": (at + life).isoformat()},
            )
        issuer = signing_issuer(session, tenant_id)
        return mint(issuer, role=role, subject=subject, life=life, at=at)
