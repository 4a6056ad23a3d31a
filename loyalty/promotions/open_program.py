"""A program opens: it is created, and its earn rate becomes its standing promotion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.programs.change_program import change_program
from loyalty.programs.create_program import NewProgram, create_program
from loyalty.programs.queries import Program
from loyalty.programs.settings import settings_to_json
from loyalty.promotions.standing import publish_standing, standing_rule


def open_program(session: Session, order: NewProgram, *, by: By) -> Program:
    """The program, its default tiers and its standing promotion. Raises ProgramExists."""
    program = create_program(session, order, by.at)
    publish_standing(session, program.id, _rule(program), by.at)
    record(
        session,
        by,
        act="program.open",
        subject=f"program {program.slug}",
        after=settings_to_json(program.settings),
    )
    return program


def amend_program(
    session: Session,
    program: Program,
    patch: Mapping[str, Any],
    *,
    by: By,
) -> Program:
    """Changes a locked program; another earn rate is in force for what occurs from now on.

    A patch that changes nothing leaves no trace. Raises Invalid when the settings contradict
    each other.
    """
    changed = change_program(session, program, patch)
    if changed is program:
        return program
    publish_standing(session, changed.id, _rule(changed), by.at)
    record(
        session,
        by,
        act="program.change",
        subject=f"program {program.slug}",
        before=_told(program),
        after=_told(changed),
    )
    return changed


def _rule(program: Program) -> dict[str, Any]:
    rate = settings_to_json(program.settings)["earn_rate"]
    own = {"points": rate["points"], "per": rate["per"]}
    return standing_rule(
        {**rate["currencies"], program.currency: own},
        step=rate["step"],
        rounding=rate["rounding"],
        excludes=rate["excludes"],
        before_joining=program.settings.before_joining == "earn",
    )


def _told(program: Program) -> dict[str, Any]:
    return {
        "name": program.name,
        "unit": program.unit,
        "time_zone": program.time_zone,
        **settings_to_json(program.settings),
    }
