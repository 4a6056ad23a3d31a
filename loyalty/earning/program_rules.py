"""What a batch needs to know of its programs, in one read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.programs.judging import HOLD
from loyalty.programs.life_of_points import (
    NEVER,
    Expiry,
    Pending,
    expiry_from_json,
    pending_from_json,
)
from loyalty.tiers.queries import ladder_from
from loyalty.tiers.rules import Ladder, Tier

_RULES = (
    "SELECT p.id, p.settings->>'unknown_member' AS unknown_member,"
    " (p.settings->>'park_window_days')::int AS park_window_days,"
    " EXISTS (SELECT FROM campaign c WHERE c.tenant_id = p.tenant_id AND c.program_id = p.id"
    "         AND c.status <> 'draft') AS has_campaigns,"
    " EXISTS (SELECT FROM referral r WHERE r.tenant_id = p.tenant_id AND r.program_id = p.id"
    "         AND r.completed_at IS NULL) AS has_referrals,"
    " p.settings->>'unknown_retailer' AS unknown_retailer,"
    " p.settings->>'unknown_product' AS unknown_product,"
    " p.settings->'pending' AS pending, p.settings->'expiry' AS expiry,"
    " p.time_zone, p.currency, p.tier_epoch, p.settings->'tier_policy' AS tier_policy,"
    " json_agg(json_build_array(t.key, t.name, t.threshold)) AS tiers"
    " FROM program p JOIN tier t ON t.tenant_id = p.tenant_id AND t.program_id = p.id"
    " WHERE p.tenant_id = :tenant AND p.id = ANY(:ids) GROUP BY p.tenant_id, p.id"
)
_READ = text(_RULES)
# One turn, and two statements: what the second one reads was committed when the first was done.
_JUDGE = text(f"{HOLD}; {_RULES}")


@dataclass(frozen=True, slots=True)
class ProgramRules:
    """A program as the award needs it."""

    unknown_member: str
    park_window_days: int
    ladder: Ladder
    has_campaigns: bool  # published, or ended
    has_referrals: bool  # that wait for a first purchase
    pending: Pending | None
    expiry: Expiry
    unknown_retailer: str
    unknown_product: str

    @property
    def zone(self) -> ZoneInfo:
        """The program's time zone."""
        return self.ladder.zone

    @property
    def wants_catalogue(self) -> bool:
        """Whether it refuses what the catalogue does not know."""
        return "reject" in {self.unknown_retailer, self.unknown_product}

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers, the lowest first."""
        return self.ladder.tiers


def program_rules(
    session: Session, program_ids: Iterable[int], *, to_judge: bool = False
) -> dict[int, ProgramRules]:
    """The programs by id; with `to_judge` no rule of theirs is put in force meanwhile."""
    rows = session.execute(
        _JUDGE if to_judge else _READ,
        {"tenant": session.info["tenant_id"], "ids": sorted(set(program_ids))},
    )
    return {
        row.id: ProgramRules(
            row.unknown_member,
            row.park_window_days,
            ladder_from(row.tiers, row.tier_policy, row.time_zone, row.currency, row.tier_epoch),
            row.has_campaigns,
            row.has_referrals,
            pending_from_json(row.pending),
            _expiry(row.expiry),
            row.unknown_retailer or "accept",
            row.unknown_product or "accept",
        )
        for row in rows
    }


def _expiry(stored: Mapping[str, Any] | None) -> Expiry:
    found = expiry_from_json(stored)
    return NEVER if found == NEVER else found  # the same one: it is asked for every purchase
