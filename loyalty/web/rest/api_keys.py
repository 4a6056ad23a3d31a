"""API keys for servers. The resource to copy: parse, open the transaction, one verb, shape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.clock import wall_clock
from loyalty.tenants import queries
from loyalty.tenants.issue_key import NewKey, issue_key
from loyalty.tenants.models import ApiKey
from loyalty.tenants.revoke_key import revoke_key
from loyalty.tenants.roles import SCOPES, Role
from loyalty.tenants.rotate_key import LONGEST_OVERLAP, next_of, rotate_key
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import Choice, Id, Instant, Integer, ListOf, Schema, Text
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.resource import Resource

_MOST_SOURCES = 50
_DAY_S = 86_400

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
    replaced_by = Id(required=True, allow_none=True)
    last_used_at = Instant(required=True, allow_none=True)


class RotateSchema(Schema):
    """How long the present key opens beside the one that follows it; 0: not at all."""

    overlap_s = Integer(most=int(LONGEST_OVERLAP.total_seconds()), load_default=_DAY_S)


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
    new = NewKey(
        wanted["name"],
        Role(wanted["role"]),
        wanted["scopes"],
        wanted["sources"],
        wanted["expires_at"],
    )
    principal().require_no_more(new.scopes, new.sources, new.expires_at)
    return _told(*issue_key(session, new, acting(wall_clock())))


@api_keys.route("/api-keys/<id:key_id>/rotate", methods=["POST"])
@allow("api_keys.rotate")
@api_keys.arguments(RotateSchema)
@api_keys.response(201, ToldKeySchema)
def rotate(wanted: dict[str, Any], key_id: UUID) -> dict[str, Any]:
    """Make the key that follows this one, and tell it, once; for `overlap_s` both open."""
    by = acting(wall_clock())
    with transaction(tenant()) as session:
        following = next_of(queries.key(session, key_id), by.at)
        principal().require_no_more(following.scopes, following.sources, following.expires_at)
        rotated = rotate_key(session, key_id, timedelta(seconds=wanted["overlap_s"]), by)
        return _told(rotated.after, rotated.bearer)


@api_keys.route("/api-keys", methods=["GET"])
@allow("api_keys.read")
@api_keys.arguments(ListById, location="query")
@api_keys.response(200, page_schema(KeySchema))
def browse(asked: dict[str, Any]) -> object:
    """The tenant's keys, newest first."""
    with transaction(tenant()) as session:
        keys = queries.keys(session, asked["after"], asked["limit"] + 1)
    return page(keys, asked["limit"], lambda key: key.id)


@api_keys.route("/api-keys/<id:key_id>", methods=["GET"])
@allow("api_keys.read")
@api_keys.response(200, KeySchema)
def read(key_id: UUID) -> ApiKey:
    """Tell a key, and when it was last used, to the minute."""
    with transaction(tenant()) as session:
        return queries.key(session, key_id)


@api_keys.route("/api-keys/<id:key_id>", methods=["DELETE"])
@allow("api_keys.revoke")
@api_keys.response(200, KeySchema)
def revoke(key_id: UUID) -> ApiKey:
    """Ends a key; every process obeys within 10 seconds."""
    with transaction(tenant()) as session:
        return revoke_key(session, key_id, acting(wall_clock()))


def _told(key: ApiKey, bearer: str) -> dict[str, Any]:
    return {**{name: getattr(key, name) for name in KeySchema().fields}, "key": bearer}
