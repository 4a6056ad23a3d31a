"""A tenant's own secrets, with which the tokens of its operators and members are signed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from loyalty.clock import wall_clock
from loyalty.tenants import queries
from loyalty.tenants.models import Issuer
from loyalty.tenants.rotate_secret import LONGEST_OVERLAP, rotate_secret
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.fields import Instant, Integer, ListOf, Part, Schema, Text
from loyalty.web.resource import Resource

_HOUR_S = 3600
_MOST = 200

token_secrets = Resource(
    "token_secrets", description="What a tenant's tokens are signed with; it is told to nobody."
)


class RotateSecretSchema(Schema):
    """How long what the present secret has signed is still believed; 0: not at all."""

    overlap_s = Integer(most=int(LONGEST_OVERLAP.total_seconds()), load_default=_HOUR_S)


class SecretSchema(Schema):
    """A secret, without itself; the one that does not end is signed with."""

    kid = Text(required=True)
    created_at = Instant(required=True)
    expires_at = Instant(required=True, allow_none=True)


class SecretsSchema(Schema):
    """All that are believed, newest first."""

    data = ListOf(Part(SecretSchema), most=_MOST, required=True)


@token_secrets.route("/token-secrets", methods=["GET"])
@allow("token_secrets.read")
@token_secrets.response(200, SecretsSchema)
def browse() -> dict[str, Any]:
    """List the secrets by which tokens are believed."""
    with transaction(tenant()) as session:
        return {"data": queries.secrets_of(session, wall_clock())}


@token_secrets.route("/token-secrets", methods=["POST"])
@allow("token_secrets.rotate")
@token_secrets.arguments(RotateSecretSchema)
@token_secrets.response(201, SecretSchema)
def rotate(wanted: dict[str, Any]) -> Issuer:
    """Sign with a new secret from now on; with `overlap_s` of 0 every token of the tenant ends."""
    by = acting(wall_clock())
    with transaction(tenant()) as session:
        return rotate_secret(session, timedelta(seconds=wanted["overlap_s"]), by)
