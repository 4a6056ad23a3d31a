"""What a batch needs to know of its programs, in one read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.programs.judging import RULES
from loyalty.programs.life_of_points import (
    NEVER,
    Expiry,
    Pending,
    expiry_from_json,
    pending_from_json,
)
from loyalty.tiers.queries import ladder_from
from loyalty.tiers.rules import Ladder, Tier

_READ = text("SELECT * FROM programs_to_judge(:tenant, CAST(:ids AS integer[]), :rules)")


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
        _READ,
        {
            "tenant": session.info["tenant_id"],
            "ids": sorted(set(program_ids)),
            "rules": RULES if to_judge else None,
        },
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
