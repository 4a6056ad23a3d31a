"""Who one is oneself: what a key or token may do, and the operator's own password."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from loyalty.clock import wall_clock
from loyalty.errors import Conflict
from loyalty.tenants import queries
from loyalty.tenants.change_operator import change_own_password, end_log_ins
from loyalty.tenants.passwords import LONGEST
from loyalty.tenants.roles import SCOPES, Role
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import Choice, Instant, ListOf, MemberId, Schema, Slug, Text
from loyalty.web.limits import limit_log_ins
from loyalty.web.resource import Resource

_MOST_SOURCES = 50

me = Resource("me", description="Who the key or token speaks for.")


class NoOperator(Conflict):
    """409: there is no password behind this token."""

    code = "no_operator"
    title = "This token is no operator's"
    cure = "Log in with a password: POST /v1/log-in."


class MeSchema(Schema):
    """Whom the key or token speaks for; null in `scopes` and `sources`: any."""

    tenant = Slug(required=True)
    role = Choice(list(Role), required=True)
    actor = Text(required=True, metadata={"description": "As the audit log names them."})
    member_id = MemberId(required=True, allow_none=True)
    scopes = ListOf(Text(), most=len(SCOPES), required=True, allow_none=True)
    sources = ListOf(Text(), most=_MOST_SOURCES, required=True, allow_none=True)
    expires_at = Instant(required=True, allow_none=True)


class PasswordSchema(Schema):
    """The present password, and the one to be."""

    present = Text(most=LONGEST, required=True, metadata={"format": "password"})
    password = Text(most=LONGEST, required=True, metadata={"format": "password"})


@me.route("/me", methods=["GET"])
@allow("me.read")
@me.response(200, MeSchema)
def read() -> dict[str, Any]:
    """Tell whom the key or token speaks for, and what it is restricted to."""
    who = principal()
    with transaction(tenant()) as session:
        slug = queries.slug_of(session, tenant())
    return {
        "tenant": slug,
        "role": who.role,
        "actor": who.actor,
        "member_id": who.member_id,
        "scopes": None if who.scopes is None else sorted(who.scopes),
        "sources": None if who.sources is None else sorted(who.sources),
        "expires_at": who.expires_at,
    }


@me.route("/me/password", methods=["POST"])
@allow("me.change")
@me.arguments(PasswordSchema)
@me.response(204)
def change_password(wanted: dict[str, Any]) -> None:
    """Take another password; every token of this operator ends, this one too.

    The present one is a try to log in, and counted as one: who has stolen a token may not guess.
    """
    who = _operator()
    limit_log_ins()
    with transaction(tenant()) as session:
        change_own_password(
            session, who, wanted["present"], wanted["password"], acting(wall_clock())
        )


@me.route("/me/log-out", methods=["POST"])
@allow("me.change")
@me.response(204)
def log_out() -> None:
    """End every token of this operator, everywhere; every process obeys within 10 seconds."""
    who = _operator()
    with transaction(tenant()) as session:
        end_log_ins(session, who, acting(wall_clock()))


def _operator() -> UUID:
    if (operator_id := principal().operator_id) is None:
        raise NoOperator
    return operator_id
