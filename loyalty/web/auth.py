"""Who asks, and whether they may. Every route is `@allow`ed, or stands in `OPEN`."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from flask import g, request
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.catalogue.queries import retailers_among
from loyalty.clock import wall_clock
from loyalty.config import config
from loyalty.errors import FieldError
from loyalty.logs import request_id
from loyalty.tenants import queries, tokens
from loyalty.tenants.add_key import opens, split_key
from loyalty.tenants.note_use import note_use
from loyalty.tenants.principal import Principal, TenantSuspended, Unauthenticated
from loyalty.tenants.roles import ALLOWED, Role
from loyalty.transaction import across_tenants
from loyalty.web.body import invalid, query_pointer
from loyalty.web.limits import limit_requests
from loyalty.web.trusted import trusted

#: Routes that ask nobody who they are.
OPEN = frozenset(
    {
        "docs",
        "docs_file",
        "unsubscribe",
        "graphiql",
        "graphiql_file",
        "healthz",
        "log_in.create",
        "metrics",
        "openapi",
        "problem",
        "problems",
        "readyz",
    }
)
PLATFORM = "platform"  # who acts with the platform's own token
REMEMBERED_S = 10.0  # a revoked key or issuer is obeyed at most this much longer
_MOST_REMEMBERED = 10_000

View = TypeVar("View", bound=Callable[..., Any])

#: Authorization header -> who it is, and the monotonic second up to which we need not ask again.
_remembered: dict[str, tuple[Principal, float]] = {}


def principal() -> Principal:
    """Who makes the present request."""
    return g.principal  # type: ignore[no-any-return]


def tenant() -> int:
    """The tenant of who makes the present request."""
    return principal().tenant_id


def acting(at: datetime) -> By:
    """Who makes the present request, as what is done by it is recorded."""
    return By(principal().actor, request_id.get(), at)


def operation() -> str:
    """What the present request does, as loyalty.tenants.roles names it."""
    return g.operation  # type: ignore[no-any-return]


def allow(operation: str) -> Callable[[View], View]:
    """Lets only those call the view whose role and scopes may do `operation`.

    A member calls it only for the `member_id` in the path that is their own. Stands directly
    under the route, above `arguments`: who may not is told so before anything is read. Query
    parameters that the view does not document are refused.
    """

    def enter(path: Mapping[str, Any]) -> None:
        who = authenticate(request.headers.get("Authorization"))
        limit_requests(who)
        who.require(operation)
        if who.member_id is not None and "member_id" in path:
            who.require_member(path["member_id"])
        g.principal = who

    return _door(operation, sorted(ALLOWED[operation]), enter)


def allow_platform(operation: str) -> Callable[[View], View]:
    """Lets only the platform call the view, by the token that the setting names."""

    def enter(_: Mapping[str, Any]) -> None:
        authorization = request.headers.get("Authorization")
        if not _is_platform(authorization):
            authenticate(authorization).require(operation)  # which nobody of a tenant may

    return _door(operation, [PLATFORM], enter)


def _is_platform(authorization: str | None) -> bool:
    scheme, _, bearer = (authorization or "").partition(" ")
    wanted = config().platform_token
    return (
        bool(wanted)
        and scheme.lower() == "bearer"
        and hmac.compare_digest(bearer.encode(), wanted.encode())
    )


def _door(
    operation: str, roles: list[str], enter: Callable[[Mapping[str, Any]], None]
) -> Callable[[View], View]:
    """A view that `enter` lets in, or does not, and that its documentation tells of."""

    def decorate(view: View) -> View:
        documented: dict[str, Any] = getattr(view, "_apidoc", {})
        takes_query = any(
            parameter.get("in") == "query"
            for part in ("arguments", "manual_doc")
            for parameter in documented.get(part, {}).get("parameters", ())
        )

        @wraps(view)
        def allowed(*args: Any, **path: Any) -> Any:
            enter(path)
            if request.query_string and request.args and not takes_query:
                raise invalid([_unknown_parameter(name) for name in request.args])
            g.operation = operation
            return view(*args, **path)

        allowed.operation = operation  # type: ignore[attr-defined]  # for tests/architecture
        manual = {**documented.get("manual_doc", {})}
        manual.update({"security": [{"bearer": []}], "x-operation": operation, "x-roles": roles})
        allowed._apidoc = {**documented, "manual_doc": manual}  # type: ignore[attr-defined]
        return allowed  # type: ignore[return-value]

    return decorate


def identified(view: View) -> View:
    """Lets whoever says who they are call the view, which asks what they may of each thing it does.

    GraphQL's: each of its fields is an operation of the table.
    """

    @wraps(view)
    def asked(*args: Any, **path: Any) -> Any:
        g.principal = who = authenticate(request.headers.get("Authorization"))
        limit_requests(who)
        if request.args:
            raise invalid([_unknown_parameter(name) for name in request.args])
        return view(*args, **path)

    asked.asks_of_each = True  # type: ignore[attr-defined]  # for tests/architecture
    return asked  # type: ignore[return-value]


def _unknown_parameter(name: str) -> FieldError:
    return FieldError(query_pointer(name), "unknown_field", "This parameter is not known here.")


def authenticate(authorization: str | None) -> Principal:
    """Who sends this header. Raises Unauthenticated.

    Remembered for 10 s by the header itself, so that the hot path asks no database.
    """
    if authorization is None:
        raise Unauthenticated
    known = _remembered.get(authorization)
    now_s = time.monotonic()
    if known is not None and now_s < known[1]:
        return known[0]
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() != "bearer" or not bearer.isascii():
        raise Unauthenticated("`Authorization: Bearer …` is expected.")
    who, life_s = _by_key(*key) if (key := split_key(bearer)) else _by_token(bearer)
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered[authorization] = who, now_s + min(REMEMBERED_S, life_s)
    return who


def _by_key(prefix: str, secret: str) -> tuple[Principal, float]:
    at = wall_clock()
    with across_tenants() as session:
        key = queries.key_of_prefix(session, prefix)
        if key is None or not opens(key, secret, at):
            raise Unauthenticated("The API key is unknown, revoked or expired.")
        _must_be_open(session, key.tenant_id)
        retailers = retailers_among(session, key.tenant_id, key.sources or ())
        note_use(session, key, at)
    who = Principal(
        tenant_id=key.tenant_id,
        role=Role(key.role),
        actor=f"key:{key.prefix}",
        sources=None if key.sources is None else frozenset(key.sources),
        retailers=retailers,
        scopes=None if key.scopes is None else frozenset(key.scopes),
        key_id=key.id,
        expires_at=key.expires_at,
    )
    return who, REMEMBERED_S if key.expires_at is None else (key.expires_at - at).total_seconds()


def _by_token(bearer: str) -> tuple[Principal, float]:
    token = tokens.read(bearer, trusted)
    who = token.principal
    with across_tenants() as session:
        _must_be_open(session, who.tenant_id)
        if token.operator is not None:
            if queries.role_of_operator(session, who.tenant_id, *token.operator) != who.role:
                raise Unauthenticated("The operator was changed or disabled since they logged in.")
            who = replace(who, operator_id=token.operator[0])
    return who, token.expires_at_s - wall_clock().timestamp()


def must_be_open(tenant_id: int) -> None:
    """Raises TenantSuspended."""
    with across_tenants() as session:
        _must_be_open(session, tenant_id)


def _must_be_open(session: Session, tenant_id: int) -> None:
    if queries.is_suspended(session, tenant_id):
        raise TenantSuspended
