"""The log-in: the one door under /v1 that asks nobody who they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from loyalty.clock import wall_clock
from loyalty.errors import NotFound
from loyalty.logs import logger, request_id
from loyalty.tenants import queries
from loyalty.tenants.log_in import LIFE, Known, WrongCredentials, log_in, who_logs_in
from loyalty.tenants.passwords import LONGEST, fits
from loyalty.tenants.roles import STAFF
from loyalty.transaction import across_tenants, transaction
from loyalty.web.auth import must_be_open
from loyalty.web.fields import Choice, Instant, Schema, Slug, Text
from loyalty.web.limits import caller, limit_log_ins
from loyalty.web.resource import Resource

View = TypeVar("View", bound=Callable[..., Any])

log = logger(__name__)

log_ins = Resource("log_in", description="Operators log in: a password becomes a short token.")


class CredentialsSchema(Schema):
    """Who logs in: the tenant's slug, and what an admin has given them."""

    tenant = Slug(required=True)
    name = Text(most=100, required=True)
    password = Text(most=LONGEST, required=True, metadata={"format": "password"})


class LoggedInSchema(Schema):
    """The token, to be sent as `Authorization: Bearer …`."""

    token = Text(required=True, most=2000)
    name = Text(required=True)
    role = Choice(sorted(STAFF), required=True)
    expires_at = Instant(required=True)


def _limited(view: View) -> View:
    """Counted before anything is read: it is the tries that are limited."""

    @wraps(view)
    def counted(*args: Any, **path: Any) -> Any:
        limit_log_ins()
        return view(*args, **path)

    return counted  # type: ignore[return-value]


@log_ins.route("/log-in", methods=["POST"])
@log_ins.doc(security=[])
@_limited
@log_ins.arguments(CredentialsSchema)
@log_ins.response(200, LoggedInSchema)
def create(given: dict[str, Any]) -> dict[str, str | datetime]:
    """Log in as an operator: the token lives for an hour, or until the operator is changed.

    Nobody learns which of tenant, name and password was wrong. So many tries a minute are
    allowed from one address.
    """
    tenant_id, known = _known(given["tenant"], given["name"])
    fitting = fits(known.password_hash if known else None, given["password"])
    if tenant_id is None or known is None or not fitting:
        log.warning("a log-in was refused", tenant=given["tenant"], caller=caller())
        raise WrongCredentials
    must_be_open(tenant_id)
    at = wall_clock()  # a sandbox keeps its keys by the world's clock
    with transaction(tenant_id) as session:
        one, token = log_in(session, known, given["password"], request_id=request_id.get(), at=at)
        return {"token": token, "name": one.name, "role": one.role, "expires_at": at + LIFE}


def _known(slug: str, name: str) -> tuple[int | None, Known | None]:
    try:
        with across_tenants() as session:
            tenant_id = queries.tenant_id_of(session, slug)
    except NotFound:
        return None, None
    with transaction(tenant_id) as session:
        return tenant_id, who_logs_in(session, name)
