"""Operators: the people of a tenant who log in by a password."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from loyalty.clock import wall_clock
from loyalty.tenants import queries
from loyalty.tenants.add_operator import NAME, NewOperator, add_operator
from loyalty.tenants.change_operator import Change, change_operator
from loyalty.tenants.models import Operator
from loyalty.tenants.passwords import LONGEST, SHORTEST
from loyalty.tenants.roles import STAFF, Role
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.fields import Choice, Flag, Id, Instant, Schema, Text
from loyalty.web.fields.text import Formed
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource

operators = Resource("operators", description="People who log in by a password.")
ROLES = sorted(STAFF)


class OperatorName(Formed):
    """What an operator types to log in, in any case."""

    form = NAME
    meaning = "1 to 100 of A-Z a-z 0-9 . _ @ + - are expected, the first a letter or digit."


def password_field(**options: Any) -> Text:
    """A password to be."""
    return Text(least=SHORTEST, most=LONGEST, metadata={"format": "password"}, **options)


class NewOperatorSchema(Schema):
    """A person to be, and the password to begin with."""

    name = OperatorName(required=True)
    role = Choice(ROLES, required=True)
    password = password_field(required=True)


class OperatorChangeSchema(Schema):
    """What is to change; every token that the person has ends by it."""

    role = Choice(ROLES)
    disabled = Flag()
    password = password_field()


class OperatorSchema(Schema):
    """A person, without what opens the door."""

    id = Id(required=True)
    name = Text(required=True)
    role = Choice(ROLES, required=True)
    created_at = Instant(required=True)
    last_log_in_at = Instant(required=True, allow_none=True)
    disabled_at = Instant(required=True, allow_none=True)


@operators.route("/operators", methods=["POST"])
@allow("operators.add")
@operators.arguments(NewOperatorSchema)
@operators.response(201, OperatorSchema)
def create(wanted: dict[str, Any]) -> Operator:
    """Add a person, who logs in with this name and password from now on."""
    principal().require_unrestricted()
    new = NewOperator(wanted["name"], Role(wanted["role"]), wanted["password"])
    with transaction(tenant()) as session:
        return add_operator(session, new, acting(wall_clock()))


@operators.route("/operators", methods=["GET"])
@allow("operators.read")
@operators.arguments(ListById, location="query")
@operators.response(200, page_schema(OperatorSchema))
def browse(asked: dict[str, Any]) -> object:
    """List the people, newest first."""
    with transaction(tenant()) as session:
        found = queries.operators(session, asked["after"], asked["limit"] + 1)
    return page(found, asked["limit"], lambda one: one.id)


@operators.route("/operators/<id:operator_id>", methods=["GET"])
@allow("operators.read")
@operators.response(200, OperatorSchema)
def read(operator_id: UUID) -> Any:
    """Tell a person's role, and when they last logged in."""
    with transaction(tenant()) as session:
        return _told(queries.operator(session, operator_id))


@operators.route("/operators/<id:operator_id>", methods=["PATCH"])
@allow("operators.change")
@operators.conditional()
@operators.arguments(OperatorChangeSchema)
@operators.response(200, OperatorSchema)
def change(wanted: dict[str, Any], operator_id: UUID) -> Any:
    """Give a person another role or password, disable them, or let them in again."""
    principal().require_unrestricted()
    role = Role(wanted["role"]) if "role" in wanted else None
    wish = Change(role, wanted.get("disabled"), wanted.get("password"))
    with transaction(tenant()) as session:
        if_match(queries.operator(session, operator_id, lock=True).generation)
        return _told(change_operator(session, operator_id, wish, acting(wall_clock())))


def _told(one: Operator) -> Any:
    """The person, at the version that ends with the next change and the next log-out."""
    return one, 200, {"ETag": etag(one.generation)}
