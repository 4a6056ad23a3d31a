"""What a batch needs to know of its programs, in one read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.tiers.rules import Tier

_RULES = text(
    "SELECT p.id, p.settings->>'unknown_member' AS unknown_member,"
    " (p.settings->>'park_window_days')::int AS park_window_days,"
    " EXISTS (SELECT FROM campaign c WHERE c.tenant_id = p.tenant_id AND c.program_id = p.id"
    "         AND c.status <> 'draft') AS has_campaigns,"
    " json_agg(json_build_array(t.key, t.name, t.threshold)) AS tiers"
    " FROM program p JOIN tier t ON t.tenant_id = p.tenant_id AND t.program_id = p.id"
    " WHERE p.tenant_id = :tenant AND p.id = ANY(:ids) GROUP BY p.tenant_id, p.id"
)


@dataclass(frozen=True, slots=True)
class ProgramRules:
    """A program as the award needs it."""

    unknown_member: str
    park_window_days: int
    tiers: tuple[Tier, ...]
    has_campaigns: bool


def program_rules(session: Session, program_ids: Iterable[int]) -> dict[int, ProgramRules]:
    """The programs by id."""
    rows = session.execute(
        _RULES, {"tenant": session.info["tenant_id"], "ids": sorted(set(program_ids))}
    )
    return {
        row.id: ProgramRules(
            row.unknown_member,
            row.park_window_days,
            tuple(Tier(key, name, threshold) for key, name, threshold in row.tiers),
            row.has_campaigns,
        )
        for row in rows
    }
