"""JWTs: made with the tenant's own secret, read by what the row of `iss` and `kid` alone says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from loyalty.tenants.models import Issuer
from loyalty.tenants.principal import Principal, Unauthenticated
from loyalty.tenants.roles import Role

_LEEWAY_S = 10
_MAX_LENGTH = 8192
_MAX_NAME_LENGTH = 200
_END_OF_TIME_S = 253_402_300_799  # the year 9999; a token may say more digits than a float holds
_EVERY_ROLE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Trust:
    """What is believed of a token that this key signed. `audience` None: it is not looked at.

    `own`: the key is the tenant's own secret, and so the operator whom a token names is ours.
    """

    tenant_id: int
    algorithm: str
    key: str
    own: bool = True
    audience: str | None = None
    leeway_s: int = _LEEWAY_S
    roles: frozenset[Role] = _EVERY_ROLE
    role_claim: str = "role"
    subject_claim: str = "sub"


FindTrust = Callable[[str, str], Trust | None]


@dataclass(frozen=True, slots=True)
class Token:
    """What a valid token says, and the second from which it says nothing any more.

    `operator` is the id and generation of the operator who logged in for it.
    """

    principal: Principal
    expires_at_s: int
    operator: tuple[UUID, int] | None = None


def mint(
    issuer: Issuer,
    *,
    role: Role,
    subject: str,
    life: timedelta,
    at: datetime,
    operator: tuple[UUID, int] | None = None,
) -> str:
    """A token that speaks as `role` for `subject` (a member: the member_id) until `at + life`."""
    claims: dict[str, Any] = {"iss": issuer.iss, "sub": subject, "role": role.value}
    claims |= {"iat": at, "exp": at + life}
    if operator is not None:
        claims["operator"] = [str(operator[0]), operator[1]]
    return jwt.encode(
        claims, issuer.verification_key, issuer.algorithm, headers={"kid": issuer.kid}
    )


def read(text: str, find_trust: FindTrust) -> Token:
    """What the token says. `iss` and `kid` find whose it is and how it is signed; nothing that it
    claims of tenant or algorithm is believed.

    Raises Unauthenticated when anything about the token is not right.
    """
    names = named(text)
    trust = find_trust(*names) if names else None
    if trust is None:
        raise Unauthenticated("The token's issuer is not known.")
    try:
        claims = jwt.decode(
            text,
            trust.key,
            algorithms=[trust.algorithm],
            audience=trust.audience,
            leeway=trust.leeway_s,
            options={"require": _required(trust), "verify_aud": trust.audience is not None},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    except jwt.InvalidAudienceError:
        raise Unauthenticated("The token is for another audience.") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("The token is not valid.") from None
    operator = _operator(claims) if trust.own else None
    expires_at_s = min(int(claims["exp"]), _END_OF_TIME_S)
    return Token(_principal(trust, claims), expires_at_s, operator)


def named(text: str) -> tuple[str, str] | None:
    """The `iss` and `kid` that the token names, unverified. Raises Unauthenticated."""
    if len(text) > _MAX_LENGTH:
        raise Unauthenticated("The token is too long.")
    try:
        unverified = jwt.decode_complete(text, options={"verify_signature": False})
        iss, kid = unverified["payload"].get("iss"), unverified["header"].get("kid")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("The token is not valid.") from None
    return (iss, kid) if _is_name(iss) and _is_name(kid) else None


def _required(trust: Trust) -> list[str]:
    return ["exp"] if trust.audience is None else ["exp", "aud"]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME_LENGTH and value.isprintable()


def _principal(trust: Trust, claims: Mapping[str, Any]) -> Principal:
    role, subject = _role(trust, claims), claims.get(trust.subject_claim)
    scopes = claims.get("scopes")
    if not _is_name(subject):
        raise Unauthenticated("The token's subject is not a name.")
    if scopes is not None and not isinstance(scopes, list):
        raise Unauthenticated("The token's scopes are not a list.")
    return Principal(
        tenant_id=trust.tenant_id,
        role=role,
        actor=f"{role}:{subject}",
        member_id=str(subject) if role is Role.MEMBER else None,
        scopes=None if scopes is None else frozenset(map(str, scopes)),
    )


def _role(trust: Trust, claims: Mapping[str, Any]) -> Role:
    """The role that the token names; who names none speaks in the only one there can be."""
    told = claims.get(trust.role_claim)
    if told is None and len(trust.roles) == 1:
        return next(iter(trust.roles))
    try:
        role = Role(str(told))
    except ValueError:
        raise Unauthenticated("The token names no role that is known here.") from None
    if role not in trust.roles:
        raise Unauthenticated("The token's issuer may not give this role.")
    return role


def _operator(claims: Mapping[str, Any]) -> tuple[UUID, int] | None:
    match claims.get("operator"):
        case None:
            return None
        case [str(operator_id), int(generation)]:
            return UUID(operator_id), generation
        case _:
            raise Unauthenticated("The token names no operator.")
