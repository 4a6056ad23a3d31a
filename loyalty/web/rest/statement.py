"""The statement: a member's entries, and the balance as it was."""

from __future__ import annotations

from typing import Any

from loyalty.clock import now
from loyalty.ledger.rules import MAX_POINTS, Kind
from loyalty.people.statement import balance_at, statement
from loyalty.programs.cache import recent_program
from loyalty.transaction import transaction
from loyalty.web.auth import allow, tenant
from loyalty.web.fields import Choice, EntryId, Id, Instant, Integer, Part, Schema, Text
from loyalty.web.lists import ListByEntry, page, page_schema
from loyalty.web.member_schema import BalanceSchema, shown_balance
from loyalty.web.resource import Resource

statements = Resource("statement", description="A member's entries, and the balance back then.")


class ChangeSchema(Schema):
    """By how many points buckets changed; those that did not are left out."""

    available = Integer(least=-MAX_POINTS)
    pending = Integer(least=-MAX_POINTS)
    held = Integer(least=-MAX_POINTS)
    owed = Integer(least=-MAX_POINTS)


class EntrySchema(Schema):
    """One movement: a sentence, the change, and the balance after it."""

    id = EntryId(required=True)
    kind = Choice(list(Kind), required=True)
    text = Text(required=True, most=1000)
    change = Part(ChangeSchema, required=True)
    balance = Part(BalanceSchema, required=True)
    cause_id = Id(required=True)
    occurred_at = Instant(required=True)
    recorded_at = Instant(required=True)


class BalanceArgs(Schema):
    """Which balance: what had occurred by `as_of`, as far as `known_at`; left out is now."""

    as_of = Instant(load_default=None)
    known_at = Instant(load_default=None)


class BalanceThenSchema(BalanceSchema):
    """The balance, and of when."""

    as_of = Instant(required=True)
    known_at = Instant(required=True)


@statements.route("/programs/<slug:program>/members/<member:member_id>/entries", methods=["GET"])
@allow("statement.read")
@statements.arguments(ListByEntry, location="query")
@statements.response(200, page_schema(EntrySchema))
def entries(asked: dict[str, Any], program: str, member_id: str) -> object:
    """List what happened to a member's points, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        lines = statement(session, book, member_id, before=asked["after"], limit=limit + 1)
    return page(lines, limit, lambda line: line.id)


@statements.route("/programs/<slug:program>/members/<member:member_id>/balance", methods=["GET"])
@allow("statement.read")
@statements.arguments(BalanceArgs, location="query")
@statements.response(200, BalanceThenSchema)
def balance(asked: dict[str, Any], program: str, member_id: str) -> object:
    """Tell the balance as it was, or as it was known."""
    with transaction(tenant()) as session:
        book, at = recent_program(session, program), now(session)
        as_of, known_at = asked["as_of"] or at, asked["known_at"] or at
        found = balance_at(session, book, member_id, at, as_of=as_of, known_at=known_at)
    return {**shown_balance(found), "as_of": as_of, "known_at": known_at}
