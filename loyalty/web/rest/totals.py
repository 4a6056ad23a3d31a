"""Totals of a day: what a till says it sent beside what was taken, and the difference."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from loyalty.clock import now
from loyalty.earning.totals.compare import Comparison, Named, compare, days_told, tell_total
from loyalty.earning.totals.rules import NOTHING, Total
from loyalty.errors import Invalid
from loyalty.programs.queries import Program, program_by_slug, programs
from loyalty.transaction import transaction
from loyalty.web.auth import allow, principal
from loyalty.web.fields import (
    Currency,
    Day,
    Flag,
    Instant,
    Integer,
    ListOf,
    Money,
    Part,
    QueryInteger,
    Schema,
    Slug,
    Text,
    TimeZone,
)
from loyalty.web.resource import Resource

MOST_IDS = 1000
MOST_DAYS = 31
MOST_CURRENCIES = 200  # of one day
_MOST_TOTAL = Decimal("999999999999.9999")

totals = Resource("totals", description="What a till says it sent, beside what was taken.")


class TotalArgs(Schema):
    """Of which program; may be left out where there is one. `currency`: else the program's."""

    program = Slug()
    currency = Currency()


class DaysArgs(Schema):
    """Days are listed newest first, from before `before`."""

    program = Slug()
    before = Day()
    limit = QueryInteger(least=1, most=MOST_DAYS, load_default=MOST_DAYS)


class TellTotalSchema(TotalArgs):
    """The purchases of a day: their `count` and `amount`, and, to have the difference named, their
    `transaction_ids`."""

    count = Integer(most=2**31 - 1, required=True)
    amount = Money(required=True)
    transaction_ids = ListOf(Text(most=200), most=MOST_IDS)


class TotalSchema(Schema):
    """How many purchases, and their money; of a difference, below zero is what did not come."""

    count = Integer(least=-(2**31), required=True)
    amount = Money(least=-_MOST_TOTAL, required=True)


class TakenSchema(TotalSchema):
    """What became of so many of them."""

    status = Text(required=True)


class ComparisonSchema(Schema):
    """`difference` is what was taken less what was told.

    `missing` never came, `elsewhere` came with another day or currency, `unexpected` came and were
    not named; each list is cut at 1000.
    """

    source = Text(required=True)
    day = Day(required=True)
    program = Slug(required=True)
    currency = Currency(required=True)
    time_zone = TimeZone(required=True, metadata={"description": "In which the day is counted."})
    told_at = Instant(required=True)
    told = Part(TotalSchema, required=True)
    taken = Part(TotalSchema, required=True)
    by_status = ListOf(Part(TakenSchema), most=10, required=True)
    difference = Part(TotalSchema, required=True)
    agrees = Flag(required=True)
    missing = ListOf(Text(), most=MOST_IDS)
    elsewhere = ListOf(Text(), most=MOST_IDS)
    unexpected = ListOf(Text(), most=MOST_IDS)


class DaysSchema(Schema):
    """Days of which a total was told; `next` is the `before` of the page after this one."""

    data = ListOf(Part(ComparisonSchema), most=MOST_DAYS * MOST_CURRENCIES, required=True)
    next = Day(required=True, allow_none=True)


@totals.route("/sources/<source:source>/totals/<day:day>", methods=["PUT"])
@allow("totals.tell")
@totals.arguments(TellTotalSchema)
@totals.response(200, ComparisonSchema)
def tell(told: dict[str, Any], source: str, day: date) -> dict[str, Any]:
    """Tell the total of a source's day, and hear how it differs from what was taken.

    What is told again takes the place of what was told before.
    """
    who = principal()
    who.require_source(source)
    with transaction(who.tenant_id) as session:
        book = _program(session, told)
        named = Named(source, day, told.get("currency", book.currency))
        found = tell_total(
            session,
            book,
            named,
            Total(told["count"], told["amount"]),
            told.get("transaction_ids"),
            actor=who.actor,
            at=now(session),
        )
    return _shown(found, book)


@totals.route("/sources/<source:source>/totals/<day:day>", methods=["GET"])
@allow("totals.read")
@totals.arguments(TotalArgs, location="query")
@totals.response(200, ComparisonSchema)
def read(asked: dict[str, Any], source: str, day: date) -> dict[str, Any]:
    """Compare anew: what came late is counted now."""
    who = principal()
    who.require_source(source)
    with transaction(who.tenant_id) as session:
        book = _program(session, asked)
        found = compare(session, book, Named(source, day, asked.get("currency", book.currency)))
    return _shown(found, book)


@totals.route("/sources/<source:source>/totals", methods=["GET"])
@allow("totals.read")
@totals.arguments(DaysArgs, location="query")
@totals.response(200, DaysSchema)
def index(asked: dict[str, Any], source: str) -> dict[str, Any]:
    """List the days of which a source told its total, each compared anew."""
    who = principal()
    who.require_source(source)
    limit: int = asked["limit"]
    with transaction(who.tenant_id) as session:
        book = _program(session, asked)
        found = days_told(session, book, source, before=asked.get("before"), limit=limit)
    return {
        "data": [_shown(one, book) for one in found],
        "next": found[-1].named.day if len({one.named.day for one in found}) == limit else None,
    }


def _program(session: Session, asked: dict[str, Any]) -> Program:
    if "program" in asked:
        return program_by_slug(session, asked["program"])
    there = programs(session, before=None, limit=2)
    if len(there) != 1:
        where = "/program" if request.method == "PUT" else "?program"
        raise Invalid.field(where, "required", "It is not the only one: name the program.")
    return there[0]


def _shown(found: Comparison, book: Program) -> dict[str, Any]:
    named = asdict(found.named)
    lists = {name: getattr(found, name) for name in ("missing", "elsewhere", "unexpected")}
    return {
        **named,
        "program": book.slug,
        "time_zone": found.time_zone,
        "told_at": found.told_at,
        "told": found.told,
        "taken": sum(found.taken.values(), NOTHING),
        "by_status": [{"status": status, **asdict(one)} for status, one in found.taken.items()],
        "difference": found.difference,
        "agrees": found.agrees,
        **{name: list(ids) for name, ids in lists.items() if ids},
    }
