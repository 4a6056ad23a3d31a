"""Identity providers: whose tokens a tenant believes beside its own, by their public keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import validates_schema
from sqlalchemy.orm import Session

from loyalty.clock import wall_clock
from loyalty.errors import Invalid
from loyalty.outbound import Unreachable, check_url
from loyalty.tenants import queries
from loyalty.tenants.fetch_keys import fetch_keys
from loyalty.tenants.jwks import ALGORITHMS, MOST_KEYS, PublicKey, Unusable, public_keys
from loyalty.tenants.models import KeySet
from loyalty.tenants.roles import Role
from loyalty.tenants.trust_provider import (
    Provider,
    change_provider,
    distrust_provider,
    trust_provider,
)
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import (
    Choice,
    Id,
    Instant,
    Integer,
    ListOf,
    Part,
    Schema,
    Text,
    instant_text,
    refuse,
)
from loyalty.web.fields.base import Coded
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource

_LONGEST_LEEWAY_S = 300
_LONGEST_URL = 2000
_ROLES = list(Role)

identity_providers = Resource(
    "identity_providers", description="Whose tokens are believed, by a key set or its URL."
)


class KeySetField(Coded[dict[str, Any]]):
    """A JSON Web Key Set: public keys. loyalty.tenants.jwks reads it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        keys = {"type": "array", "minItems": 1, "maxItems": MOST_KEYS, "items": {"type": "object"}}
        self.document(type="object", required=["keys"], properties={"keys": keys})

    def _deserialize(self, value: object, *_: object, **__: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise refuse("not_an_object", "An object is expected.")
        return value


class _ProviderSchema(Schema):
    """What can be left out."""

    jwks = KeySetField(metadata={"description": "Its public keys; or else `url`."})
    url = Text(most=_LONGEST_URL, metadata={"description": "Where it publishes them: https."})
    role_claim = Text(most=100, load_default="role")
    subject_claim = Text(most=100, load_default="sub")
    leeway_s = Integer(most=_LONGEST_LEEWAY_S, load_default=10)

    @validates_schema(skip_on_field_errors=True)
    def _keys_once(self, values: dict[str, Any], **_: Any) -> None:
        if "jwks" in values and "url" in values:
            raise refuse("not_both", "Give the keys or their URL, not both.", "url")


class NewProviderSchema(_ProviderSchema):
    """A provider to be. Tokens speak in one of `roles`; with one role they need not name it."""

    iss = Text(required=True)
    audience = Text(required=True)
    roles = ListOf(Choice(_ROLES), least=1, most=len(_ROLES), required=True)

    @validates_schema(skip_on_field_errors=True)
    def _has_keys(self, values: dict[str, Any], **_: Any) -> None:
        if "jwks" not in values and "url" not in values:
            raise refuse("required", "Give the keys, or where they are published.", "jwks")


class ProviderChangeSchema(Schema):
    """A merge patch; `jwks` or `url` takes the place of whichever there was."""

    audience = Text()
    roles = ListOf(Choice(_ROLES), least=1, most=len(_ROLES))
    jwks = KeySetField()
    url = Text(most=_LONGEST_URL)
    role_claim = Text(most=100)
    subject_claim = Text(most=100)
    leeway_s = Integer(most=_LONGEST_LEEWAY_S)

    @validates_schema(skip_on_field_errors=True)
    def _keys_once(self, values: dict[str, Any], **_: Any) -> None:
        if "jwks" in values and "url" in values:
            raise refuse("not_both", "Give the keys or their URL, not both.", "url")


class PublicKeySchema(Schema):
    """A key that is believed, by one algorithm alone."""

    kid = Text(required=True)
    algorithm = Choice(ALGORITHMS, required=True)


class ProviderSchema(Schema):
    """Whose tokens are believed; `trouble` says why the keys could not be read the last time."""

    id = Id(required=True)
    iss = Text(required=True)
    audience = Text(required=True)
    url = Text(most=_LONGEST_URL, required=True, allow_none=True)
    roles = ListOf(Choice(_ROLES), most=len(_ROLES), required=True)
    role_claim = Text(required=True)
    subject_claim = Text(required=True)
    leeway_s = Integer(required=True)
    keys = ListOf(Part(PublicKeySchema), most=MOST_KEYS, required=True)
    fetched_at = Instant(required=True, allow_none=True)
    trouble = Text(most=1000, required=True, allow_none=True)
    version = Integer(required=True)
    created_at = Instant(required=True)


@identity_providers.route("/identity-providers", methods=["POST"])
@allow("identity_providers.change")
@identity_providers.arguments(NewProviderSchema)
@identity_providers.response(201, ProviderSchema)
def create(wanted: dict[str, Any]) -> Response:
    """Believe the tokens of a provider; keys behind a URL are read at once, and again and again."""
    principal().require_unrestricted()
    keys = _keys(wanted)  # before the transaction: it may be a call
    provider = Provider(
        wanted["iss"],
        wanted["audience"],
        wanted.get("url"),
        wanted["roles"],
        wanted["role_claim"],
        wanted["subject_claim"],
        wanted["leeway_s"],
    )
    with transaction(tenant()) as session:
        made = trust_provider(session, provider, keys or [], acting(wall_clock()))
        return json_answer(_shown(session, made), 201, {"ETag": etag(made.version)})


@identity_providers.route("/identity-providers", methods=["GET"])
@allow("identity_providers.read")
@identity_providers.arguments(ListById, location="query")
@identity_providers.response(200, page_schema(ProviderSchema))
def browse(asked: dict[str, Any]) -> Response:
    """List the providers, newest first."""
    with transaction(tenant()) as session:
        found = queries.key_sets(session, asked["after"], asked["limit"] + 1)
        told, status, headers = page(found, asked["limit"], lambda one: one.id)
        shown = [_shown(session, one) for one in told["data"]]
    return json_answer({**told, "data": shown}, status, headers)


@identity_providers.route("/identity-providers/<id:provider_id>", methods=["GET"])
@allow("identity_providers.read")
@identity_providers.response(200, ProviderSchema)
def read(provider_id: UUID) -> Response:
    """Tell a provider, and the keys that are believed."""
    with transaction(tenant()) as session:
        found = queries.key_set(session, provider_id)
        return json_answer(_shown(session, found), 200, {"ETag": etag(found.version)})


@identity_providers.route("/identity-providers/<id:provider_id>", methods=["PATCH"])
@allow("identity_providers.change")
@identity_providers.conditional()
@identity_providers.arguments(ProviderChangeSchema)
@identity_providers.response(200, ProviderSchema)
def change(patch: dict[str, Any], provider_id: UUID) -> Response:
    """Change a provider; other keys take the place of those that were believed."""
    principal().require_unrestricted()
    keys = _keys(patch)
    with transaction(tenant()) as session:
        present = queries.key_set(session, provider_id, lock=True)
        if_match(present.version)
        url = None if "jwks" in patch else patch.get("url", present.url)
        provider = Provider(
            present.iss,
            patch.get("audience", present.audience),
            url,
            patch.get("roles", present.roles),
            patch.get("role_claim", present.role_claim),
            patch.get("subject_claim", present.subject_claim),
            patch.get("leeway_s", present.leeway_s),
        )
        changed = change_provider(session, present, provider, keys, acting(wall_clock()))
        return json_answer(_shown(session, changed), 200, {"ETag": etag(changed.version)})


@identity_providers.route("/identity-providers/<id:provider_id>", methods=["DELETE"])
@allow("identity_providers.change")
@identity_providers.response(204)
def remove(provider_id: UUID) -> None:
    """Believe no token of the provider any more; every process obeys within 10 seconds."""
    with transaction(tenant()) as session:
        distrust_provider(session, provider_id, acting(wall_clock()))


def _keys(wanted: Mapping[str, Any]) -> Sequence[PublicKey] | None:
    """The keys that are given or behind the URL; None when neither is. Raises Invalid."""
    try:
        if "jwks" in wanted:
            return public_keys(wanted["jwks"])
        if "url" in wanted:
            check_url(wanted["url"])
            return fetch_keys(wanted["url"])
    except (Unusable, Unreachable) as error:
        field = "jwks" if "jwks" in wanted else "url"
        raise Invalid.field(f"/{field}", "unusable_keys", str(error)) from error
    return None


def _shown(session: Session, one: KeySet) -> dict[str, Any]:
    keys = queries.keys_of_set(session, one.id)
    return {
        "id": str(one.id),
        "iss": one.iss,
        "audience": one.audience,
        "url": one.url,
        "roles": one.roles,
        "role_claim": one.role_claim,
        "subject_claim": one.subject_claim,
        "leeway_s": one.leeway_s,
        "keys": [{"kid": key.kid, "algorithm": key.algorithm} for key in keys],
        "fetched_at": one.fetched_at and instant_text(one.fetched_at),
        "trouble": one.trouble,
        "version": one.version,
        "created_at": instant_text(one.created_at),
    }
