"""Programs: each its own unit of points, rules, tiers and settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response

from loyalty.clock import now
from loyalty.programs import queries
from loyalty.programs.create_program import NewProgram
from loyalty.programs.judging import at_rest
from loyalty.programs.pause import pause_program, resume_program
from loyalty.programs.queries import Program, program_by_slug
from loyalty.programs.settings import SETTING_NAMES, settings_from_json
from loyalty.promotions.open_program import amend_program, open_program
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.lists import ListByNumber, page, page_schema
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.program_schema import (
    NewProgramSchema,
    ProgramChangeSchema,
    ProgramSchema,
    ReasonSchema,
    shown_program,
)
from loyalty.web.resource import Resource

Turn = Callable[..., Program]  # pause_program or resume_program

programs = Resource("programs", description="Programs: unit, rates, burn rule, windows, pause.")


@programs.route("/programs", methods=["POST"])
@allow("programs.create")
@programs.keyed(required=False)
@programs.arguments(
    NewProgramSchema,
    example={"slug": "bakery", "name": "Bakery", "earn_rate": {"points": 5, "per": "100"}},
)
@programs.response(201, ProgramSchema)
def create(wanted: dict[str, Any]) -> Response:
    """Open a program, with the tiers Basic 0, Gold 500 and Platinum 1000."""
    settings = settings_from_json({name: wanted.get(name) for name in SETTING_NAMES})
    order = NewProgram(
        wanted["slug"],
        wanted["name"],
        wanted["unit"],
        wanted["currency"],
        wanted["time_zone"],
        settings,
    )
    with transaction(tenant()) as session:
        at = now(session)

        def act() -> dict[str, Any]:
            return shown_program(open_program(session, order, by=acting(at)))

        return once(session, wanted, act, at=at, required=False)


@programs.route("/programs", methods=["GET"])
@allow("programs.read")
@programs.arguments(ListByNumber, location="query")
@programs.response(200, page_schema(ProgramSchema))
def browse(asked: dict[str, Any]) -> Response:
    """List the programs, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        found = queries.programs(session, asked["after"], limit + 1)
    told, status, headers = page(found, limit, lambda program: program.id)
    return json_answer(
        {**told, "data": [shown_program(one) for one in told["data"]]}, status, headers
    )


@programs.route("/programs/<slug:program>", methods=["GET"])
@allow("programs.read")
@programs.response(200, ProgramSchema)
def read(program: str) -> Response:
    """Tell a program and its settings."""
    with transaction(tenant()) as session:
        return _told(program_by_slug(session, program))


@programs.route("/programs/<slug:program>", methods=["PATCH"])
@allow("programs.change")
@programs.conditional()
@programs.arguments(ProgramChangeSchema)
@programs.response(200, ProgramSchema)
def change(patch: dict[str, Any], program: str) -> Response:
    """Change a program by merge patch; another earn rate holds for what occurs from now on."""
    with transaction(tenant()) as session:
        present = at_rest(session, program, lock=True)
        if_match(present.version)
        return _told(amend_program(session, present, patch, by=acting(now(session))))


@programs.route("/programs/<slug:program>/pause", methods=["POST"])
@allow("programs.pause")
@programs.keyed(required=False)
@programs.arguments(ReasonSchema)
@programs.response(200, ProgramSchema)
def pause(wanted: dict[str, Any], program: str) -> Response:
    """Let awards wait; intake goes on."""
    return _turn(pause_program, "pause", program, wanted["reason"])


@programs.route("/programs/<slug:program>/resume", methods=["POST"])
@allow("programs.pause")
@programs.keyed(required=False)
@programs.arguments(ReasonSchema)
@programs.response(200, ProgramSchema)
def resume(wanted: dict[str, Any], program: str) -> Response:
    """Let awards go on; what waited is awarded."""
    return _turn(resume_program, "resume", program, wanted["reason"])


def _turn(verb: Turn, act: str, slug: str, reason: str) -> Response:
    with transaction(tenant()) as session:
        at = now(session)

        def turned() -> dict[str, Any]:
            return shown_program(verb(session, slug, reason=reason, by=acting(at)))

        return once(session, [act, reason], turned, at=at, status=200, required=False)


def _told(program: Program) -> Response:
    return json_answer(shown_program(program), headers={"ETag": etag(program.version)})
