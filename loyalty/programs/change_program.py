"""A program changes: its name, unit, time zone, and settings. Slug and currency stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.errors import Problem
from loyalty.programs.merge_patch import merged
from loyalty.programs.models import ProgramRow
from loyalty.programs.queries import Program, program_by_slug
from loyalty.programs.settings import SETTING_NAMES, settings_from_json, settings_to_json


class VersionMismatch(Problem):
    """412: it was changed since it was read."""

    status = 412
    code = "version_mismatch"
    title = "It was changed since you read it"
    cure = "Read it again, and send the change with the new ETag in If-Match."


def check_version(version: int, expected: int | None) -> None:
    """Raises VersionMismatch unless `expected` is None or the present `version`."""
    if expected is not None and expected != version:
        raise VersionMismatch(f"The present version is {version}, not {expected}.")


def change_program(
    session: Session, slug: str, patch: Mapping[str, Any], *, expected_version: int | None
) -> tuple[Program, Program]:
    """Applies a merge patch of valid values; a setting that is null returns to its default.

    Returns the program before and after. Raises NotFound, VersionMismatch, and Invalid when the
    settings contradict each other.
    """
    before = program_by_slug(session, slug, lock=True)
    check_version(before.version, expected_version)
    own = {name: value for name, value in patch.items() if name not in SETTING_NAMES}
    changes = {name: value for name, value in patch.items() if name in SETTING_NAMES}
    stored = merged(settings_to_json(before.settings), changes)
    after = replace(before, **own, settings=settings_from_json(stored), version=before.version + 1)
    session.execute(
        update(ProgramRow)
        .where(ProgramRow.tenant_id == session.info["tenant_id"], ProgramRow.id == before.id)
        .values(
            name=after.name,
            unit=after.unit,
            time_zone=after.time_zone,
            settings=settings_to_json(after.settings),
            version=after.version,
        )
    )
    return before, after
