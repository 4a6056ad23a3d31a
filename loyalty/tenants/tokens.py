"""JWTs: made for one of the tenant's own issuers, read by what the issuer's row alone says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from loyalty.tenants.models import Issuer
from loyalty.tenants.principal import Principal, Unauthenticated
from loyalty.tenants.roles import Role

_LEEWAY_S = 10
_MAX_LENGTH = 8192
_MAX_NAME_LENGTH = 200

FindIssuer = Callable[[str, str], Issuer | None]


@dataclass(frozen=True, slots=True)
class Token:
    """What a valid token says, and the second from which it says nothing any more."""

    principal: Principal
    expires_at_s: int


def mint(issuer: Issuer, *, role: Role, subject: str, life: timedelta, at: datetime) -> str:
    """A token that speaks as `role` for `subject` (a member: the member_id) until `at + life`."""
    claims = {"iss": issuer.iss, "sub": subject, "role": role.value, "iat": at, "exp": at + life}
    return jwt.encode(
        claims, issuer.verification_key, issuer.algorithm, headers={"kid": issuer.kid}
    )


def read(text: str, find_issuer: FindIssuer) -> Token:
    """What the token says. `iss` and `kid` find the issuer; its row fixes tenant and algorithm.

    Raises Unauthenticated when anything about the token is not right.
    """
    if len(text) > _MAX_LENGTH:
        raise Unauthenticated("The token is too long.")
    try:
        unverified = jwt.decode_complete(text, options={"verify_signature": False})
        iss, kid = unverified["payload"].get("iss"), unverified["header"].get("kid")
        issuer = find_issuer(iss, kid) if _is_name(iss) and _is_name(kid) else None
        if issuer is None:
            raise Unauthenticated("The token's issuer is not known.")
        claims = jwt.decode(
            text,
            issuer.verification_key,
            algorithms=[issuer.algorithm],
            leeway=_LEEWAY_S,
            options={"require": ["exp", "sub"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("The token is not valid.") from None
    return Token(_principal(issuer.tenant_id, claims), int(claims["exp"]))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME_LENGTH and value.isprintable()


def _principal(tenant_id: int, claims: dict[str, object]) -> Principal:
    subject, scopes = claims["sub"], claims.get("scopes")
    try:
        role = Role(str(claims.get("role")))
    except ValueError:
        raise Unauthenticated("The token names no role that is known here.") from None
    if not _is_name(subject):
        raise Unauthenticated("The token's subject is not a name.")
    if scopes is not None and not isinstance(scopes, list):
        raise Unauthenticated("The token's scopes are not a list.")
    return Principal(
        tenant_id=tenant_id,
        role=role,
        actor=f"{role}:{subject}",
        member_id=str(subject) if role is Role.MEMBER else None,
        scopes=None if scopes is None else frozenset(map(str, scopes)),
    )
