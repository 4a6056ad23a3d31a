"""Members: they join, are read and changed, are suspended, and leave."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.care.suspend import reinstate, suspend
from loyalty.clock import now
from loyalty.errors import FieldError, Forbidden
from loyalty.members.change_member import change_member
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import member_by_id, membership_of
from loyalty.people.answer import answered, asked_days, member_answer
from loyalty.people.filters import Filters
from loyalty.people.profile import lookup, profile
from loyalty.people.search import search
from loyalty.programs.cache import cached_program, recent_program
from loyalty.tenants.roles import Role
from loyalty.transaction import present, read_row, transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, principal, tenant
from loyalty.web.lists import page, page_schema
from loyalty.web.member_schema import (
    FoundSchema,
    LookupSchema,
    MemberChangeSchema,
    MemberSchema,
    NewMemberSchema,
    ProfileSchema,
    shown_found,
    shown_member,
    shown_profile,
)
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.program_schema import ReasonSchema
from loyalty.web.reads import member_row
from loyalty.web.resource import Resource
from loyalty.web.search_schema import SearchArgs, place_text

Turn = Callable[..., None]  # suspend or reinstate

members = Resource("members", description="Members: join, read, change, suspend, leave, search.")


@members.route("/programs/<slug:program>/members", methods=["POST"])
@allow("members.enrol")
@members.keyed(required=False)
@members.arguments(
    NewMemberSchema,
    example={
        "member_id": "grace",
        "name": "Grace",
        "identifiers": [{"kind": "card", "value": "4711"}],
    },
)
@members.response(201, MemberSchema)
def create(wanted: dict[str, Any], program: str) -> Response:
    """Enrol a member; what was parked for them is awarded. Members enrol themselves only."""
    principal().require_member(wanted["member_id"])
    _refuse_from_members([name for name, value in wanted.items() if value])
    brought_by = wanted["referral_code"]
    known = {name: value for name, value in wanted.items() if name != "referral_code"}
    order = NewMember(**{**known, "identifiers": _identifiers(wanted["identifiers"])})
    with transaction(tenant()) as session:
        book, at = recent_program(session, program), now(session)

        def act() -> dict[str, Any]:
            join(session, book, order, at, referral_code=brought_by)
            return shown_member(member_answer(session, book, order.member_id, at))

        return once(session, wanted, act, at=at, required=False)


@members.route("/programs/<slug:program>/members/<member:member_id>", methods=["GET"])
@allow("members.read")
@members.response(200, MemberSchema)
def read(program: str, member_id: str) -> Response:
    """Tell a member's status, tier and points."""
    tenant_id = tenant()  # what apps ask all day: one statement, read without a session
    book = cached_program(tenant_id, program, transaction)
    at = present(tenant_id)
    row = member_row(tenant_id, book.id, member_id, at)
    by_day = asked_days(tenant_id, book, member_id)
    days = read_row(tenant_id, *by_day) if by_day else None
    member = answered(book, member_id, row, days, at)
    return json_answer(shown_member(member), headers={"ETag": etag(member.version)})


@members.route("/programs/<slug:program>/members/<member:member_id>", methods=["PATCH"])
@allow("members.change")
@members.conditional()
@members.arguments(MemberChangeSchema)
@members.response(200, MemberSchema)
def change(patch: dict[str, Any], program: str, member_id: str) -> Response:
    """Change what is known of a member, by merge patch.

    Members may set neither their identifiers nor their attributes.
    """
    _refuse_from_members(patch)
    if "identifiers" in patch:
        patch["identifiers"] = _identifiers(patch["identifiers"] or [])
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        membership_of(session, book.id, member_id)
        present = member_by_id(session, member_id, lock=True)
        if_match(present.version)
        at = now(session)
        change_member(session, present, patch, by=acting(at))
        member = member_answer(session, book, member_id, at)
    return json_answer(shown_member(member), headers={"ETag": etag(member.version)})


@members.route("/programs/<slug:program>/members/<member:member_id>", methods=["DELETE"])
@allow("members.leave")
@members.response(200, MemberSchema)
def end(program: str, member_id: str) -> Response:
    """Let a member leave: points end, history stays. Leaving twice changes nothing."""
    with transaction(tenant()) as session:
        book, at = recent_program(session, program), now(session)
        leave(session, book, member_id, by=acting(at))
        return json_answer(shown_member(member_answer(session, book, member_id, at)))


@members.route("/programs/<slug:program>/members/<member:member_id>/suspend", methods=["POST"])
@allow("members.suspend")
@members.keyed(required=False)
@members.arguments(ReasonSchema)
@members.response(200, MemberSchema)
def stop(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Suspend a member: purchases are parked, burns are refused."""
    with transaction(tenant()) as session:
        return _turn(session, suspend, "suspend", program, member_id, wanted["reason"])


@members.route("/programs/<slug:program>/members/<member:member_id>/reinstate", methods=["POST"])
@allow("members.suspend")
@members.keyed(required=False)
@members.arguments(ReasonSchema)
@members.response(200, MemberSchema)
def go_on(wanted: dict[str, Any], program: str, member_id: str) -> Response:
    """Reinstate a suspended member; what was parked is awarded."""
    with transaction(tenant()) as session:
        return _turn(session, reinstate, "reinstate", program, member_id, wanted["reason"])


@members.route("/programs/<slug:program>/members", methods=["GET"])
@allow("members.search")
@members.arguments(SearchArgs, location="query")
@members.response(200, page_schema(FoundSchema))
def browse(asked: dict[str, Any], program: str) -> Response:
    """Find members: in the order of `sort`, who joined last first if none is asked for."""
    limit, order = asked.pop("limit"), asked.pop("sort")
    _, after = asked.pop("after") or (None, None)
    with transaction(tenant()) as session:
        book, filters = recent_program(session, program), Filters(**asked)
        at = now(session)
        found = search(session, book, filters, at, order=order, after=after, limit=limit + 1)
    told, status, headers = page(found, limit, lambda one: place_text(order, one.place))
    return json_answer(
        {**told, "data": [shown_found(one) for one in told["data"]]}, status, headers
    )


@members.route("/members/<member:member_id>", methods=["GET"])
@allow("members.read")
@members.response(200, ProfileSchema)
def read_everywhere(member_id: str) -> Response:
    """Tell a member in every program."""
    with transaction(tenant()) as session:
        told = profile(session, member_id)
    return json_answer(shown_profile(told), headers={"ETag": etag(told.version)})


@members.route("/members/lookup", methods=["POST"])
@allow("members.search")
@members.arguments(LookupSchema)
@members.response(200, ProfileSchema)
def find(wanted: dict[str, Any]) -> Response:
    """Find the member who is known by an identifier."""
    with transaction(tenant()) as session:
        told = lookup(session, Identifier(**wanted["identifier"]))
    return json_answer(shown_profile(told), headers={"ETag": etag(told.version)})


def _turn(
    session: Session, verb: Turn, act: str, program: str, member_id: str, reason: str
) -> Response:
    book, at = recent_program(session, program), now(session)

    def turned() -> dict[str, Any]:
        verb(session, book, member_id, reason=reason, by=acting(at))
        return shown_member(member_answer(session, book, member_id, at))

    return once(session, [act, reason], turned, at=at, status=200, required=False)


def _identifiers(given: list[dict[str, str]]) -> tuple[Identifier, ...]:
    return tuple(Identifier(**one) for one in given)


def _refuse_from_members(given: Collection[str]) -> None:
    # Nobody has checked whose card it is: a stranger's parked purchases would go to who names it.
    if principal().role is not Role.MEMBER:
        return
    for name in ("identifiers", "attributes"):
        if name in given:
            detail = f"Members may not set their own {name}."
            raise Forbidden(detail, errors=[FieldError(f"/{name}", Forbidden.code, detail)])
