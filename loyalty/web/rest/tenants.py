"""Tenants: the platform's own resource, opened by its own token and by nobody of a tenant."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.audit.by import By
from loyalty.clock import wall_clock
from loyalty.logs import request_id
from loyalty.tenants import queries
from loyalty.tenants.add_operator import NewOperator, add_operator
from loyalty.tenants.add_tenant import open_tenant
from loyalty.tenants.change_tenant import rename_tenant, resume_tenant, suspend_tenant
from loyalty.tenants.models import Operator, Tenant
from loyalty.tenants.roles import Role
from loyalty.transaction import across_tenants, transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import PLATFORM, allow_platform
from loyalty.web.fields import Choice, Flag, Instant, Integer, Schema, Slug, Text
from loyalty.web.lists import ListByNumber, page, page_schema
from loyalty.web.patch import etag, if_match
from loyalty.web.program_schema import ReasonSchema
from loyalty.web.resource import Resource
from loyalty.web.rest.operators import ROLES, OperatorName, OperatorSchema, password_field

_LONGEST_NAME = 100

tenants = Resource("tenants", description="The companies on this platform; for the platform alone.")


class NewTenantSchema(Schema):
    """A tenant to be. A sandbox lives by a clock of its own, for ever."""

    slug = Slug(required=True)
    name = Text(most=_LONGEST_NAME, required=True)
    sandbox = Flag(load_default=False)


class TenantChangeSchema(Schema):
    """A merge patch."""

    name = Text(most=_LONGEST_NAME, required=True)


class FirstOperatorSchema(Schema):
    """Who lets the others of the tenant in."""

    name = OperatorName(required=True)
    role = Choice(ROLES, load_default=Role.ADMIN.value)
    password = password_field(required=True)


class TenantSchema(Schema):
    """A tenant; while it is suspended nobody of it gets in."""

    slug = Slug(required=True)
    name = Text(most=_LONGEST_NAME, required=True)
    sandbox = Flag(required=True)
    suspended_at = Instant(required=True, allow_none=True)
    suspended_reason = Text(most=1000, required=True, allow_none=True)
    version = Integer(required=True)
    created_at = Instant(required=True)


_TOLD = TenantSchema()


@tenants.route("/tenants", methods=["POST"])
@allow_platform("tenants.create")
@tenants.arguments(NewTenantSchema)
@tenants.response(201, TenantSchema)
def create(wanted: dict[str, Any]) -> Response:
    """Add a tenant, with a secret of its own for tokens."""
    with across_tenants() as session:
        made = open_tenant(
            session, wanted["slug"], wanted["name"], _by(), sandbox=wanted["sandbox"]
        )
        return _told(made, 201)


@tenants.route("/tenants", methods=["GET"])
@allow_platform("tenants.read")
@tenants.arguments(ListByNumber, location="query")
@tenants.response(200, page_schema(TenantSchema))
def browse(asked: dict[str, Any]) -> object:
    """List the tenants, newest first."""
    with across_tenants() as session:
        found = queries.tenants(session, asked["after"], asked["limit"] + 1)
    return page(found, asked["limit"], lambda one: one.id)


@tenants.route("/tenants/<slug:tenant>", methods=["GET"])
@allow_platform("tenants.read")
@tenants.response(200, TenantSchema)
def read(tenant: str) -> Response:
    """Tell a tenant."""
    with across_tenants() as session:
        return _told(queries.tenant_named(session, tenant))


@tenants.route("/tenants/<slug:tenant>", methods=["PATCH"])
@allow_platform("tenants.change")
@tenants.conditional()
@tenants.arguments(TenantChangeSchema)
@tenants.response(200, TenantSchema)
def change(patch: dict[str, Any], tenant: str) -> Response:
    """Give a tenant another name; its slug stays."""
    with across_tenants() as session:
        present = queries.tenant_named(session, tenant, lock=True)
        if_match(present.version)
        return _told(rename_tenant(session, present, patch["name"], _by()))


@tenants.route("/tenants/<slug:tenant>/suspend", methods=["POST"])
@allow_platform("tenants.change")
@tenants.arguments(ReasonSchema)
@tenants.response(200, TenantSchema)
def suspend(wanted: dict[str, Any], tenant: str) -> Response:
    """Let nobody of the tenant in; its book goes on. Every process obeys within 10 seconds."""
    with across_tenants() as session:
        return _told(suspend_tenant(session, tenant, wanted["reason"], _by()))


@tenants.route("/tenants/<slug:tenant>/resume", methods=["POST"])
@allow_platform("tenants.change")
@tenants.arguments(ReasonSchema)
@tenants.response(200, TenantSchema)
def resume(wanted: dict[str, Any], tenant: str) -> Response:
    """Let the tenant's people in again."""
    with across_tenants() as session:
        return _told(resume_tenant(session, tenant, wanted["reason"], _by()))


@tenants.route("/tenants/<slug:tenant>/operators", methods=["POST"])
@allow_platform("tenants.change")
@tenants.arguments(FirstOperatorSchema)
@tenants.response(201, OperatorSchema)
def add_first_operator(wanted: dict[str, Any], tenant: str) -> Operator:
    """Add a person to the tenant, who logs in and lets the others in."""
    new = NewOperator(wanted["name"], Role(wanted["role"]), wanted["password"])
    with across_tenants() as session:
        tenant_id = queries.tenant_id_of(session, tenant)
    with transaction(tenant_id) as session:
        return add_operator(session, new, _by())


def _by() -> By:
    return By(PLATFORM, request_id.get(), wall_clock())


def _told(one: Tenant, status: int = 200) -> Response:
    shown: dict[str, Any] = _TOLD.dump(one)
    return json_answer(shown, status, {"ETag": etag(one.version)})
