"""Tokens for members: what an app or a wallet shows for its member."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from loyalty.audit.record import record
from loyalty.clock import wall_clock
from loyalty.tenants.principal import is_staff
from loyalty.tenants.queries import signing_issuer
from loyalty.tenants.roles import Role
from loyalty.tenants.tokens import mint
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import Instant, Integer, MemberId, Schema, Text
from loyalty.web.resource import Resource

_LONGEST_LIFE_S = 3600
_USUAL_LIFE_S = 900

tokens = Resource("tokens", description="Tokens with which an app speaks for one member.")


class NewTokenSchema(Schema):
    """How long the token is to live."""

    expires_in_s = Integer(least=1, most=_LONGEST_LIFE_S, load_default=_USUAL_LIFE_S)


class TokenSchema(Schema):
    """The token, to be sent as `Authorization: Bearer …`."""

    token = Text(required=True, most=2000)
    member_id = MemberId(required=True)
    expires_at = Instant(required=True)


@tokens.route("/members/<member:member_id>/tokens", methods=["POST"])
@allow("tokens.create")
@tokens.arguments(NewTokenSchema)
@tokens.response(201, TokenSchema)
def create(wanted: dict[str, Any], member_id: str) -> dict[str, str | datetime]:
    """A token that speaks for the member, enrolled or about to be, for at most an hour."""
    life = timedelta(seconds=wanted["expires_in_s"])
    with transaction(tenant()) as session:
        at = wall_clock()  # a sandbox keeps its keys by the world's clock
        issuer = signing_issuer(session, tenant())
        if is_staff(principal().actor):  # servers do it all day
            record(
                session,
                acting(at),
                act="token.mint",
                subject=f"token member:{member_id}",
                after={"expires_at": (at + life).isoformat()},
            )
        token = mint(issuer, role=Role.MEMBER, subject=member_id, life=life, at=at)
    return {"token": token, "member_id": member_id, "expires_at": at + life}
