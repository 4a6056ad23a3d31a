"""A program changes: its name, unit, time zone, and settings. Slug and currency stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.programs.merge_patch import merged
from loyalty.programs.models import ProgramRow
from loyalty.programs.queries import Program
from loyalty.programs.settings import SETTING_NAMES, settings_from_json, settings_to_json


def change_program(session: Session, program: Program, patch: Mapping[str, Any]) -> Program:
    """Applies a merge patch of valid values; a setting that is null returns to its default.

    A patch that changes nothing returns `program` itself, of the same version. `program` was read
    with `lock`. Raises Invalid when the settings contradict each other.
    """
    own = {name: value for name, value in patch.items() if name not in SETTING_NAMES}
    changes = {name: value for name, value in patch.items() if name in SETTING_NAMES}
    stored = merged(settings_to_json(program.settings), changes)
    changed = replace(program, **own, settings=settings_from_json(stored))
    if changed == program:
        return program
    changed = replace(changed, version=program.version + 1)
    if (changed.settings.tier_policy, changed.time_zone) != (
        program.settings.tier_policy,
        program.time_zone,
    ):
        changed = replace(changed, tier_epoch=changed.version)
    session.execute(
        update(ProgramRow)
        .where(ProgramRow.tenant_id == session.info["tenant_id"], ProgramRow.id == program.id)
        .values(
            name=changed.name,
            unit=changed.unit,
            time_zone=changed.time_zone,
            settings=settings_to_json(changed.settings),
            version=changed.version,
            tier_epoch=changed.tier_epoch,
            tier_recounted_to=ProgramRow.tier_recounted_to
            if changed.tier_epoch == program.tier_epoch
            else 0,
        )
    )
    return changed
