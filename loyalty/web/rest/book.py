"""The book's verdict: does every invariant hold?"""

from __future__ import annotations

import threading
from typing import Any

from loyalty.book.audit import Verdict, audit, scopes
from loyalty.errors import NotFound, Unavailable
from loyalty.tenants.queries import slug_of
from loyalty.transaction import across_tenants
from loyalty.web.auth import allow, tenant
from loyalty.web.fields import Flag, ListOf, Part, Points, Schema, Slug, Text
from loyalty.web.resource import Resource

book = Resource("book", description="Whether every invariant of the book holds.")

_one_at_a_time = threading.Lock()  # an audit reads the whole book: two at once only take longer


class AuditArgs(Schema):
    """Which program; without it, all of them."""

    program = Slug()


class BrokenSchema(Schema):
    """An invariant that does not hold, and the first row that breaks it."""

    invariant = Text(required=True)
    program = Slug(required=True)
    row = Text(required=True)


class VerdictSchema(Schema):
    """What the audit saw, all of one instant."""

    holds = Flag(required=True)
    programs = Points(required=True)
    accounts = Points(required=True)
    entries = Points(required=True)
    activities = Points(required=True)
    questions = Points(required=True)
    took_ms = Points(required=True)
    broken = ListOf(Part(BrokenSchema), most=100, required=True)


@book.route("/audit", methods=["GET"])
@allow("book.read")
@book.arguments(AuditArgs, location="query")
@book.response(200, VerdictSchema)
def verdict(asked: dict[str, Any]) -> dict[str, Any]:
    """Audit the tenant's book now; about ten seconds per million entries."""
    if not _one_at_a_time.acquire(blocking=False):
        raise Unavailable("Another audit is at work.")
    seen = Verdict()
    try:
        with across_tenants(snapshot=True) as session:
            over = scopes(session, slug_of(session, tenant()), asked.get("program"))
            if not over and "program" in asked:
                raise NotFound(f"There is no program {asked['program']!r}.")
            for so_far in audit(session, over):
                seen = so_far
    finally:
        _one_at_a_time.release()
    return {
        "holds": not seen.broken,
        "programs": seen.programs,
        "accounts": seen.accounts,
        "entries": seen.entries,
        "activities": seen.activities,
        "questions": seen.questions,
        "took_ms": round(seen.took_s * 1000),
        "broken": [
            {"invariant": one.invariant, "program": one.program, "row": one.row}
            for one in seen.broken
        ],
    }
