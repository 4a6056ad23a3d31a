"""Pause and resume: while a program is paused, intake goes on and awards wait."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.programs.models import ProgramRow
from loyalty.programs.queries import Program, program_by_slug


def pause_program(session: Session, slug: str, *, reason: str, by: By) -> Program:
    """Awards wait from now on, and `reason` says why. A program that is paused stays as it is.

    Raises NotFound.
    """
    program = program_by_slug(session, slug, lock=True)
    if program.paused_at is None:
        _set(session, program, paused_at=by.at, paused_reason=reason)
        _tell(session, "program.pause", slug, reason, by)
    return program_by_slug(session, slug)


def resume_program(session: Session, slug: str, *, reason: str, by: By) -> Program:
    """Awards go on; the sweep sends what waited within seconds. Raises NotFound."""
    program = program_by_slug(session, slug, lock=True)
    if program.paused_at is not None:
        _set(session, program, paused_at=None, paused_reason=None)
        _tell(session, "program.resume", slug, reason, by)
    return program_by_slug(session, slug)


def _set(
    session: Session, program: Program, *, paused_at: datetime | None, paused_reason: str | None
) -> None:
    session.execute(
        update(ProgramRow)
        .where(ProgramRow.tenant_id == session.info["tenant_id"], ProgramRow.id == program.id)
        .values(paused_at=paused_at, paused_reason=paused_reason, version=program.version + 1)
    )


def _tell(
    session: Session,
    act: str,
    slug: str,
    reason: str,
    by: By,
) -> None:
    record(
        session,
        by,
        act=act,
        subject=f"program {slug}",
        reason=reason,
    )
