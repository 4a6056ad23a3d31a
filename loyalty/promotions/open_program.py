"""A program is opened, or changed, together with what a purchase is worth in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from loyalty.programs.change_program import change_program
from loyalty.programs.create_program import NewProgram, create_program
from loyalty.programs.queries import Program
from loyalty.promotions.standing import publish_standing, standing_rule


def open_program(session: Session, order: NewProgram, at: datetime) -> Program:
    """Creates the program and publishes its earn rate as the standing promotion.

    Raises ProgramExists.
    """
    program = create_program(session, order, at)
    publish_standing(session, program.id, _rule(program), at)
    return program


def alter_program(
    session: Session,
    slug: str,
    patch: Mapping[str, Any],
    *,
    expected_version: int | None,
    at: datetime,
) -> tuple[Program, Program]:
    """Changes a program; a new earn rate is in force for what occurs from `at` on.

    Returns the program before and after. Raises NotFound, VersionMismatch, Invalid.
    """
    before, after = change_program(session, slug, patch, expected_version=expected_version)
    publish_standing(session, after.id, _rule(after), at)
    return before, after


def _rule(program: Program) -> dict[str, Any]:
    rate = program.settings.earn_rate
    rates = {program.currency: (rate.points, rate.per)} | {
        currency: (other.points, other.per) for currency, other in rate.currencies.items()
    }
    return standing_rule(
        {
            currency: {"points": points, "per": f"{per.normalize():f}"}
            for currency, (points, per) in rates.items()
        },
        step=rate.step,
        rounding=rate.rounding,
        excludes=rate.excludes,
        before_joining=program.settings.before_joining == "earn",
    )
