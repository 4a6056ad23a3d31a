"""API keys for servers. The resource to copy: parse, open the transaction, one verb, shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.record import record
from loyalty.clock import wall_clock
from loyalty.logs import request_id
from loyalty.tenants import queries
from loyalty.tenants.add_key import add_key
from loyalty.tenants.models import ApiKey
from loyalty.tenants.revoke_key import revoke_key
from loyalty.tenants.roles import SCOPES, Role
from loyalty.transaction import transaction
from loyalty.web.auth import allow, principal, tenant
from loyalty.web.fields import Choice, Id, Instant, ListOf, Schema, Text
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.resource import Resource

_MOST_SOURCES = 50

api_keys = Resource("api_keys", description="API keys: for servers, told once, hashed at rest.")


class NewKeySchema(Schema):
    """What a new key may do: `scopes` and `sources` left out restrict nothing."""

    name = Text(required=True, most=100)
    role = Choice([role for role in Role if role is not Role.MEMBER], load_default=Role.SERVER)
    scopes = ListOf(Choice(sorted(SCOPES)), most=len(SCOPES), load_default=None)
    sources = ListOf(Text(most=100), most=_MOST_SOURCES, load_default=None)
    expires_at = Instant(load_default=None)


class KeySchema(Schema):
    """A key, without what opens it."""

    id = Id(required=True)
    prefix = Text(required=True)
    name = Text(required=True)
    role = Choice(list(Role), required=True)
    scopes = ListOf(Text(), most=len(SCOPES), required=True, allow_none=True)
    sources = ListOf(Text(), most=_MOST_SOURCES, required=True, allow_none=True)
    created_at = Instant(required=True)
    expires_at = Instant(required=True, allow_none=True)
    revoked_at = Instant(required=True, allow_none=True)


class ToldKeySchema(KeySchema):
    """A key that has just been made; `key` is what its bearer sends, and is not told again."""

    key = Text(required=True)


@api_keys.route("/api-keys", methods=["POST"])
@allow("api_keys.create")
@api_keys.arguments(NewKeySchema)
@api_keys.response(201, ToldKeySchema)
def create(wanted: dict[str, Any]) -> dict[str, Any]:
    """Makes a key and tells it, once. A restricted key makes none that may do more.

    An Idempotency-Key is not looked at: its stored answer would keep the secret for 30 days.
    A key too many can be revoked.
    """
    with transaction(tenant()) as session:
        return make_key(session, wanted)


def make_key(session: Session, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The new key as ToldKeySchema says. Raises ScopeMissing, SourceNotAllowed, Invalid."""
    principal().require_no_more(wanted["scopes"], wanted["sources"], wanted["expires_at"])
    at = wall_clock()
    key, bearer = add_key(
        session,
        tenant_id=tenant(),
        name=wanted["name"],
        role=Role(wanted["role"]),
        scopes=wanted["scopes"],
        sources=wanted["sources"],
        expires_at=wanted["expires_at"],
        at=at,
    )
    record(
        session,
        actor=principal().actor,
        act="api_key.add",
        subject=f"api_key {key.id}",
        after={"name": key.name, "role": key.role},
        request_id=request_id.get(),
        at=at,
    )
    return {**{name: getattr(key, name) for name in KeySchema().fields}, "key": bearer}


@api_keys.route("/api-keys", methods=["GET"])
@allow("api_keys.read")
@api_keys.arguments(ListById, location="query")
@api_keys.response(200, page_schema(KeySchema))
def browse(asked: dict[str, Any]) -> object:
    """The tenant's keys, newest first."""
    with transaction(tenant()) as session:
        keys = queries.keys(session, asked["after"], asked["limit"] + 1)
    return page(keys, asked["limit"], lambda key: key.id)


@api_keys.route("/api-keys/<id:key_id>", methods=["DELETE"])
@allow("api_keys.revoke")
@api_keys.response(200, KeySchema)
def revoke(key_id: UUID) -> ApiKey:
    """Ends a key; every process obeys within 10 seconds."""
    with transaction(tenant()) as session:
        at = wall_clock()
        key = revoke_key(session, key_id, at)
        record(
            session,
            actor=principal().actor,
            act="api_key.revoke",
            subject=f"api_key {key.id}",
            request_id=request_id.get(),
            at=at,
        )
        return key
