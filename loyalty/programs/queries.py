"""Reads of programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.programs.settings import ProgramSettings, TierSetting, settings_from_json


@dataclass(frozen=True, slots=True)
class Program:
    """A program with its settings and its tiers, the lowest first."""

    id: int
    slug: str
    name: str
    unit: str
    currency: str
    time_zone: str
    settings: ProgramSettings
    tiers: tuple[TierSetting, ...]
    paused_at: datetime | None
    paused_reason: str | None
    version: int
    created_at: datetime
    tier_epoch: int = 0

    @property
    def status(self) -> str:
        """`active`, or `paused`: intake goes on, awards wait."""
        return "paused" if self.paused_at else "active"

    @property
    def first_tier(self) -> TierSetting:
        """Where a member starts."""
        return self.tiers[0]


_SELECT = """
    SELECT p.id, p.slug, p.name, p.unit, p.currency, p.time_zone, p.settings, p.paused_at,
           p.paused_reason, p.version, p.created_at, p.tier_epoch,
           (SELECT json_agg(json_build_array(t.key, t.name, t.threshold) ORDER BY t.threshold)
            FROM tier t WHERE t.tenant_id = p.tenant_id AND t.program_id = p.id) AS tiers
    FROM program p WHERE p.tenant_id = :tenant
"""
_BY_SLUG = text(f"{_SELECT} AND p.slug = :slug")
_BY_ID = text(f"{_SELECT} AND p.id = :id")
_LOCKED = text(f"{_SELECT} AND p.slug = :slug FOR UPDATE OF p")
_PAGE = text(f"{_SELECT} AND p.id < :before ORDER BY p.id DESC LIMIT :limit")
_NO_ID_IS_LARGER = 2**31 - 1


def _program(row: Row[Any]) -> Program:
    return Program(
        row.id,
        row.slug,
        row.name,
        row.unit,
        row.currency,
        row.time_zone,
        settings_from_json(row.settings),
        tuple(TierSetting(key, name, threshold) for key, name, threshold in row.tiers or ()),
        row.paused_at,
        row.paused_reason,
        row.version,
        row.created_at,
        row.tier_epoch,
    )


def program_by_slug(session: Session, slug: str, *, lock: bool = False) -> Program:
    """The program as it is now; with `lock`, nobody else can change it. Raises NotFound."""
    row = session.execute(
        _LOCKED if lock else _BY_SLUG, {"tenant": session.info["tenant_id"], "slug": slug}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no program {slug!r}.")
    return _program(row)


def program_by_id(session: Session, program_id: int) -> Program:
    """The program of an id that is known to exist."""
    return _program(
        session.execute(_BY_ID, {"tenant": session.info["tenant_id"], "id": program_id}).one()
    )


def programs(session: Session, before: int | None, limit: int) -> Sequence[Program]:
    """The tenant's programs, newest first, from before the id `before`."""
    rows = session.execute(
        _PAGE,
        {
            "tenant": session.info["tenant_id"],
            "before": _NO_ID_IS_LARGER if before is None else before,
            "limit": limit,
        },
    )
    return [_program(row) for row in rows]
