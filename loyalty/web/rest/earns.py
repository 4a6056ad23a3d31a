"""Purchases come in: POST earns (202), one by one or in batches, and what became of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from flask import Response, request
from marshmallow import validates_schema
from sqlalchemy.orm import Session

from loyalty import logs
from loyalty.audit.record import record
from loyalty.clock import now
from loyalty.earning.accept import Accepted, TransactionMismatch
from loyalty.earning.parking import reopen
from loyalty.earning.queries import Told, find, statuses, tell_one
from loyalty.earning.try_out import try_out
from loyalty.errors import Conflict, Forbidden, NotFound
from loyalty.lifecycle.activate import activate_earn
from loyalty.programs.cache import cached_program
from loyalty.tenants.principal import Principal
from loyalty.transaction import present, transaction
from loyalty.web.auth import acting, allow, principal
from loyalty.web.body import json_body, load, load_query
from loyalty.web.earn_answers import STATUSES, EarnAnswerSchema, show
from loyalty.web.earn_schema import EARN, EarnSchema
from loyalty.web.earns_batch import BatchAnswerSchema, BatchSchema, read_batch, store_batch
from loyalty.web.fields import Choice, Instant, MemberId, QueryFlag, Schema, Text, refuse
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.once import once
from loyalty.web.own_earns import MembersDoNotPost
from loyalty.web.resource import Resource
from loyalty.web.take import check, take
from loyalty.web.waiting import asked_for, judged_within

earns = Resource("earns", description="Purchases, visits and events; what they gave and why")


class EarnQuerySchema(Schema):
    """`?dry_run=true` evaluates and writes nothing; at another instant and with drafts."""

    dry_run = QueryFlag(load_default=False)
    now = Instant()
    drafts = Text(most=1000)

    @validates_schema(skip_on_field_errors=True)
    def _tries_out(self, values: dict[str, Any], **_: Any) -> None:
        for name in ("now", "drafts"):
            if name in values and not values["dry_run"]:
                raise refuse("only_dry", f"{name} is for a dry run.", name)


class EarnListArgs(ListById):
    """Filters of the list; each that is given must hold."""

    source = Text(most=100)
    transaction_id = Text(most=200)
    status = Choice(STATUSES)
    member_id = MemberId()

    @validates_schema(skip_on_field_errors=True)
    def _names_one(self, values: dict[str, Any], **_: Any) -> None:
        if "transaction_id" in values and "source" not in values:
            raise refuse("required", "A transaction_id is unique within its source.", "source")


class NotSetBack(Conflict):
    """409: only what failed or is parked can be tried again."""

    code = "not_set_back"
    title = "There is nothing to try again"
    cure = "Read the purchase: it is awarded, rejected, or still on its way."


_QUERY = EarnQuerySchema()
_AS_IT_IS: dict[str, Any] = {"dry_run": False}
_DRY_RUN = [
    {"in": "query", "name": "dry_run", "schema": {"type": "boolean"}},
    {
        "in": "query",
        "name": "now",
        "description": "Of a dry run: when it is judged.",
        "schema": {"type": "string", "format": "date-time"},
    },
    {
        "in": "query",
        "name": "drafts",
        "description": "Of a dry run: keys of promotions whose drafts count, with commas between.",
        "schema": {"type": "string", "maxLength": 1000},
    },
]
_PREFER = {
    "in": "header",
    "name": "Prefer",
    "description": "`wait=N` (N ≤ 10): the answer waits until the purchase is judged.",
    "schema": {"type": "string"},
}


_EXAMPLE = {
    "source": "shop-1",
    "transaction_id": "R-1001",
    "member_id": "ada",
    "amount": "250.00",
    "currency": "USD",
    "occurred_at": "2026-07-01T12:00:00Z",
}
_BODY = {"application/json": {"schema": EarnSchema, "example": _EXAMPLE}}


@earns.route("/programs/<slug:program>/earns", methods=["POST"])
@allow("earns.create")
@earns.doc(
    requestBody={"required": True, "content": _BODY},
    parameters=[_PREFER, *_DRY_RUN],
)
@earns.response(202, EarnAnswerSchema, description="Stored; it will be judged")
@earns.alt_response(200, schema=EarnAnswerSchema, description="Judged in time, or a dry run")
def create(program: str) -> Response:
    """Take a purchase: stored before the answer, judged by a worker after it."""
    # Without the argument machinery of the other resources: this is the hot path.
    who = principal()
    asked: dict[str, Any] = load_query(_QUERY) if request.query_string else _AS_IT_IS
    earn = load(EARN, json_body())
    book = cached_program(who.tenant_id, program, transaction)
    at = asked.get("now") or present(who.tenant_id)
    if asked["dry_run"]:
        _must_not_look_ahead(who, asked)
        check(who, book, earn, at)
        drafts = [key.strip() for key in asked.get("drafts", "").split(",") if key.strip()]
        with transaction(who.tenant_id) as session:
            return _json(try_out(session, book, earn, at, drafts=drafts), 200)
    stored = take(who, book, earn, at)
    if not stored.same:
        raise TransactionMismatch(f"It is stored as {stored.id}, with other content.")
    return _accepted(who.tenant_id, stored, asked_for(request.headers.get("Prefer")))


def _must_not_look_ahead(who: Principal, asked: dict[str, Any]) -> None:
    """A member tries out what is in force now: what is to come is not theirs to see."""
    if who.member_id is not None and not asked.keys().isdisjoint(("now", "drafts")):
        raise Forbidden("A member tries out what is in force now.")


def _accepted(tenant_id: int, stored: Accepted, wait_s: int) -> Response:
    headers = {"Location": f"/v1/earns/{stored.id}"}
    if not stored.fresh:
        headers["Idempotency-Replayed"] = "true"
    if wait_s and judged_within(tenant_id, stored.id, wait_s):
        headers["Preference-Applied"] = f"wait={wait_s}"
        with transaction(tenant_id) as session:
            [shown] = show(session, [tell_one(session, stored.id)])
        return _json(shown, 200, headers)
    status = "accepted"
    if not stored.fresh:
        with transaction(tenant_id) as session:
            status = statuses(session, [stored.id])[stored.id]
    return _json({"id": stored.id, "status": status}, 202, headers)


def _json(told: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(told), status, headers, mimetype="application/json")


@earns.route("/programs/<slug:program>/earns/batch", methods=["POST"])
@allow("earns.create")
@earns.doc(
    requestBody={
        "required": True,
        "content": {
            "application/json": {"schema": BatchSchema},
            "application/x-ndjson": {"schema": EarnSchema},
        },
    }
)
@earns.response(202, BatchAnswerSchema, description="Each item has an outcome of its own")
def create_batch(program: str) -> Response:
    """Take up to 1000 purchases at once; one bad item never refuses the others."""
    who = principal()
    book = cached_program(who.tenant_id, program, transaction)
    items, at = read_batch(), present(who.tenant_id)
    if who.member_id is not None:
        raise MembersDoNotPost("Members post one by one.")
    return _json(store_batch(who, book, items, logs.request_id.get(), at), 202)


@earns.route("/programs/<slug:program>/earns", methods=["GET"])
@allow("earns.read")
@earns.arguments(EarnListArgs, location="query")
@earns.response(200, page_schema(EarnAnswerSchema))
def index(args: dict[str, Any], program: str) -> Any:
    """List purchases, newest first; members see their own."""
    who = principal()
    limit, before = args.pop("limit"), args.pop("after")
    if who.member_id is not None:
        who.require_member(args.setdefault("member_id", who.member_id))
    with transaction(who.tenant_id) as session:
        book = cached_program(who.tenant_id, program, transaction)
        found = find(session, book.id, **args, sources=who.sources, before=before, limit=limit + 1)
        shown = show(session, found)
    answer, status, headers = page(shown, limit, lambda row: row["id"])
    return _json(answer, status, headers)


@earns.route("/earns/<id:earn_id>", methods=["GET"])
@allow("earns.read")
@earns.response(200, EarnAnswerSchema)
def show_one(earn_id: UUID) -> Response:
    """What became of a purchase: its points, and why."""
    who = principal()
    with transaction(who.tenant_id) as session:
        told = _visible(session, earn_id)
        [shown] = show(session, [told])
    return _json(shown, 200)


def _visible(session: Session, earn_id: UUID) -> Told:
    who, told = principal(), tell_one(session, earn_id)
    if who.member_id not in {None, told.whose} or not who.speaks_for_source(told.source):
        raise NotFound(f"There is no purchase {earn_id}.")
    return told


@earns.route("/earns/<id:earn_id>/retry", methods=["POST"])
@allow("earns.retry")
@earns.response(202, EarnAnswerSchema, description="It will be judged again")
def retry(earn_id: UUID) -> Response:
    """Judge a failed or parked purchase again."""
    who = principal()
    with transaction(who.tenant_id) as session:
        told, at = _visible(session, earn_id), now(session)
        if told.status not in {"failed", "parked"} or not reopen(session, [earn_id], at):
            raise NotSetBack(f"The purchase is {told.status}.")
        record(
            session,
            acting(at),
            act="earn.retry",
            subject=f"earn {earn_id}",
            before={"status": told.status, "reason": told.reason},
        )
    return _json({"id": earn_id, "status": "accepted"}, 202)


@earns.route("/earns/<id:earn_id>/activate", methods=["POST"])
@allow("earns.activate")
@earns.keyed(required=False)
@earns.response(200, EarnAnswerSchema)
def activate(earn_id: UUID) -> Response:
    """Release the pending points of a purchase: they can be spent from now on."""
    who = principal()
    with transaction(who.tenant_id) as session:
        told, at = _visible(session, earn_id), now(session)

        def act() -> dict[str, Any]:
            activate_earn(session, earn_id, by=acting(at))
            return show(session, [told])[0]

        return once(session, {}, act, at=at, status=200, required=False)
