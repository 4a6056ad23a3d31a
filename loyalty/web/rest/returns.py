"""Returns come in: POST returns (202), by the till's own ids, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from flask import Response, request
from marshmallow import validates_schema
from sqlalchemy.orm import Session

from loyalty.audit.record import record
from loyalty.clock import now as present_of
from loyalty.earning import queries as earns
from loyalty.earning.accept import check_time
from loyalty.earning.give_back.accept import Accepted, GiveBack, accept_return
from loyalty.earning.give_back.queries import Told, find, tell_one
from loyalty.earning.give_back.sweep import retry_return
from loyalty.earning.give_back.try_out import try_return
from loyalty.errors import Conflict, NotFound
from loyalty.programs.cache import cached_program
from loyalty.programs.queries import Program
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, principal
from loyalty.web.fields import Choice, Instant, QueryFlag, Schema, Text, refuse
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.resource import Resource
from loyalty.web.return_schema import (
    RETURN_STATUSES,
    EarnReturnSchema,
    ReturnAnswerSchema,
    ReturnSchema,
    shown_return,
)
from loyalty.web.waiting import asked_for, judged_within

returns = Resource("returns", description="What comes back takes back what it had earned.")


class ReturnQuerySchema(Schema):
    """`?dry_run=true` tells what it would take back, now or at another instant; writes nothing."""

    dry_run = QueryFlag(load_default=False)
    now = Instant()

    @validates_schema(skip_on_field_errors=True)
    def _tries_out(self, values: dict[str, Any], **_: Any) -> None:
        if "now" in values and not values["dry_run"]:
            raise refuse("only_dry", "now is for a dry run.", "now")


class ReturnListArgs(ListById):
    """Filters of the list; each that is given must hold."""

    source = Text(most=100)
    transaction_id = Text(most=200)
    status = Choice(RETURN_STATUSES)

    @validates_schema(skip_on_field_errors=True)
    def _names_one(self, values: dict[str, Any], **_: Any) -> None:
        if "transaction_id" in values and "source" not in values:
            raise refuse("required", "A transaction_id is unique within its source.", "source")


class NothingToRetry(Conflict):
    """409: only what failed or waits can be tried again."""

    code = "nothing_to_retry"
    title = "There is nothing to try again"
    cure = "Read the return: it is settled, refused, or still on its way."


_PAGE = page_schema(ReturnAnswerSchema)
_PREFER = {
    "in": "header",
    "name": "Prefer",
    "description": "`wait=N` (N ≤ 10): the answer waits until the return is settled.",
    "schema": {"type": "string"},
}


@returns.route("/programs/<slug:program>/returns", methods=["POST"])
@allow("returns.create")
@returns.arguments(
    ReturnSchema, example={"source": "shop-1", "transaction_id": "R-1001", "return_id": "B-1"}
)
@returns.arguments(ReturnQuerySchema, location="query")
@returns.doc(parameters=[_PREFER])
@returns.response(202, ReturnAnswerSchema, description="Stored; it will be settled")
@returns.alt_response(200, schema=ReturnAnswerSchema, description="Settled in time, or a dry run")
def create(told: dict[str, Any], query: dict[str, Any], program: str) -> Response:
    """Take a return: stored before the answer, settled by a worker after it.

    It is refused (`too_much_returned`, with what is left) when it is told, not here.
    """
    who = principal()
    book = cached_program(who.tenant_id, program, transaction)
    return _take(book, _give_back(told), **query)


@returns.route("/earns/<id:earn_id>/returns", methods=["POST"])
@allow("returns.create")
@returns.arguments(EarnReturnSchema)
@returns.arguments(ReturnQuerySchema, location="query")
@returns.doc(parameters=[_PREFER])
@returns.response(202, ReturnAnswerSchema, description="Stored; it will be settled")
@returns.alt_response(200, schema=ReturnAnswerSchema, description="Settled in time, or a dry run")
def create_of_earn(told: dict[str, Any], query: dict[str, Any], earn_id: UUID) -> Response:
    """Take a return of a purchase that is known here."""
    who = principal()
    with transaction(who.tenant_id) as session:
        bought = earns.tell_one(session, earn_id)
    if not who.speaks_for_source(bought.source):
        raise NotFound(f"There is no purchase {earn_id}.")
    book = cached_program(who.tenant_id, bought.program, transaction)
    named = {"source": bought.source, "transaction_id": bought.transaction_id}
    return _take(book, _give_back({**told, **named}), **query)


def _give_back(told: Mapping[str, Any]) -> GiveBack:
    lines = told.get("lines")
    return GiveBack(
        told["source"],
        told["transaction_id"],
        told["return_id"],
        None if lines is None else {line["line_id"]: line["quantity"] for line in lines},
        told.get("amount"),
        told.get("occurred_at"),
    )


def _take(book: Program, told: GiveBack, *, dry_run: bool, now: datetime | None = None) -> Response:
    who = principal()
    who.require_source(told.source)
    with transaction(who.tenant_id) as session:
        at = now or present_of(session)
        if told.occurred_at:
            check_time(told.occurred_at, book.settings.late_window_days, at)
        if dry_run:
            tried = shown_return(try_return(session, book.id, told, actor=who.actor, at=at))
            return _json({name: value for name, value in tried.items() if name != "id"}, 200)
        stored = accept_return(session, book.id, told, by=acting(at))
    return _accepted(who.tenant_id, stored)


def _accepted(tenant_id: int, stored: Accepted) -> Response:
    headers = {"Location": f"/v1/returns/{stored.id}"}
    if not stored.fresh:
        headers["Idempotency-Replayed"] = "true"
    wait_s = asked_for(request.headers.get("Prefer"))
    if wait_s and judged_within(tenant_id, stored.id, wait_s):
        headers["Preference-Applied"] = f"wait={wait_s}"
    with transaction(tenant_id) as session:
        told = tell_one(session, stored.id)
    if told.settled and wait_s:
        return _json(shown_return(told), 200, headers)
    return _json({"id": stored.id, "status": told.status}, 202, headers)


def _json(told: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(told), status, headers, mimetype="application/json")


@returns.route("/programs/<slug:program>/returns", methods=["GET"])
@allow("returns.search")
@returns.arguments(ReturnListArgs, location="query")
@returns.response(200, _PAGE)
def index(args: dict[str, Any], program: str) -> Response:
    """List returns, newest first: `?status=waiting` are those whose purchase has not come."""
    who = principal()
    book = cached_program(who.tenant_id, program, transaction)
    limit, before = args.pop("limit"), args.pop("after")
    with transaction(who.tenant_id) as session:
        found = find(session, book.id, **args, sources=who.sources, before=before, limit=limit + 1)
    return _page(found, limit)


@returns.route("/earns/<id:earn_id>/returns", methods=["GET"])
@allow("returns.read")
@returns.arguments(ListById, location="query")
@returns.response(200, _PAGE)
def index_of_earn(args: dict[str, Any], earn_id: UUID) -> Response:
    """List the returns of a purchase, newest first."""
    who = principal()
    with transaction(who.tenant_id) as session:
        bought = earns.tell_one(session, earn_id)
        if not who.speaks_for(bought.whose or "") or not who.speaks_for_source(bought.source):
            raise NotFound(f"There is no purchase {earn_id}.")
        book = cached_program(who.tenant_id, bought.program, transaction)
        found = find(
            session,
            book.id,
            source=bought.source,
            transaction_id=bought.transaction_id,
            before=args["after"],
            limit=args["limit"] + 1,
        )
    return _page(found, args["limit"])


def _page(found: list[Told], limit: int) -> Response:
    shown = [shown_return(one) for one in found]
    answer, status, headers = page(shown, limit, lambda one: one["id"])
    return _json(answer, status, headers)


@returns.route("/returns/<id:return_id>", methods=["GET"])
@allow("returns.read")
@returns.response(200, ReturnAnswerSchema)
def show_one(return_id: UUID) -> Response:
    """What became of a return: what it took back and from where, or why it was refused."""
    with transaction(principal().tenant_id) as session:
        return _json(shown_return(_own(session, return_id)), 200)


def _own(session: Session, return_id: UUID) -> Told:
    who, told = principal(), tell_one(session, return_id)
    if not who.speaks_for(told.whose or "") or not who.speaks_for_source(told.source):
        raise NotFound(f"There is no return {return_id}.")
    return told


@returns.route("/returns/<id:return_id>/retry", methods=["POST"])
@allow("returns.retry")
@returns.response(202, ReturnAnswerSchema, description="It will be tried again")
def retry(return_id: UUID) -> Response:
    """Try a failed or waiting return again."""
    who = principal()
    with transaction(who.tenant_id) as session:
        told, at = _own(session, return_id), present_of(session)
        if told.status not in {"failed", "waiting"} or not retry_return(session, return_id, at):
            raise NothingToRetry(f"The return is {told.status}.")
        record(
            session,
            acting(at),
            act="return.retry",
            subject=f"return {return_id}",
            before={"status": told.status, "reason": told.reason},
        )
    return _json({"id": return_id, "status": "accepted"}, 202)
