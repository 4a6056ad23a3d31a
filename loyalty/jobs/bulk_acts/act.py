"""The acts: whom each would change, and how one member is changed.

To add an act: its line in `ACTS`. The condition sees membership `ms` and member `m`; what is done
is a verb of the house that leaves the audit log alone, for the bulk act stands there once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.adjust import Adjust, give_or_take
from loyalty.care.leave import end
from loyalty.care.suspend import turn
from loyalty.earning.parking import reopen
from loyalty.people.filters import Filters
from loyalty.programs.queries import Program
from loyalty.tiers.assign import put_on_tier

Name = Literal["adjust", "re_tier", "suspend", "reinstate", "close", "re_award"]


@dataclass(frozen=True, slots=True)
class BulkAct:
    """What is to be done to whom, and why. `points`: of adjust; `tier`, `until`: of re_tier."""

    act: Name
    query: Filters
    reason: str
    points: int | None = None
    tier: str | None = None
    until: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As the job keeps it, and as it is told."""
        own = {"act": self.act, "points": self.points, "tier": self.tier, "until": self.until}
        told = {name: value for name, value in own.items() if value is not None}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in told.items()
        } | {"query": self.query.to_json()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], reason: str) -> BulkAct:
        """The act that `to_json` kept."""
        until = kept.get("until")
        return cls(
            kept["act"],
            Filters.from_json(kept["query"]),
            reason,
            kept.get("points"),
            kept.get("tier"),
            until and datetime.fromisoformat(until),
        )


@dataclass(frozen=True, slots=True)
class Doing:
    """One bulk act at work: `id` is the job's, and what entries name as their cause."""

    id: UUID
    act: BulkAct
    program: Program
    by: By


@dataclass(frozen=True, slots=True)
class Kind:
    """Whom an act would change, as a condition; and how, for one member: whether it did.

    `locks` says whether it needs the accounts of its batch, which are locked in their order first.
    """

    applies: str
    do: Callable[[Session, Doing, str], bool]
    locks: bool = True


def _adjust(session: Session, doing: Doing, member_id: str) -> bool:
    order = Adjust(doing.act.points or 0, doing.act.reason)
    give_or_take(session, doing.program, member_id, order, doing.by)
    return True


def _re_tier(session: Session, doing: Doing, member_id: str) -> bool:
    tier, until = doing.act.tier or "", doing.act.until
    before = put_on_tier(session, doing.program, member_id, tier, until, doing.by.at)
    return before.tier_key != tier or until is not None


def _suspend(session: Session, doing: Doing, member_id: str) -> bool:
    return turn(session, doing.program, member_id, "suspended", doing.by.at) is not None


def _reinstate(session: Session, doing: Doing, member_id: str) -> bool:
    return turn(session, doing.program, member_id, "active", doing.by.at) is not None


def _close(session: Session, doing: Doing, member_id: str) -> bool:
    return end(session, doing.program, member_id, doing.id, doing.by.at) is not None


# By the name they were posted for, also of one who was merged, or by an identifier.
_FAILED_OF = text(
    """
    SELECT s.activity_id FROM known_as(:tenant, :member) k
    JOIN setback s ON s.tenant_id = :tenant AND s.program_id = :program AND s.status = 'failed'
      AND s.member_id = k.member_id
    UNION
    SELECT s.activity_id FROM known_as(:tenant, :member) k
    JOIN identifier i ON i.tenant_id = :tenant AND i.member_id = k.id
    JOIN setback s ON s.tenant_id = :tenant AND s.program_id = :program AND s.status = 'failed'
      AND s.identifier_kind = i.kind AND s.identifier_value = i.value
    """
)
_HAS_FAILED = """
    ms.member_id IN (
      SELECT coalesce(o.merged_into, o.id) FROM setback s
      JOIN member o ON o.tenant_id = s.tenant_id AND o.member_id = s.member_id
      WHERE s.tenant_id = :tenant AND s.program_id = :program AND s.status = 'failed'
      UNION
      SELECT i.member_id FROM setback s
      JOIN identifier i ON i.tenant_id = s.tenant_id AND i.kind = s.identifier_kind
        AND i.value = s.identifier_value
      WHERE s.tenant_id = :tenant AND s.program_id = :program AND s.status = 'failed')
"""


def _re_award(session: Session, doing: Doing, member_id: str) -> bool:
    values = {
        "tenant": session.info["tenant_id"],
        "program": doing.program.id,
        "member": member_id,
    }
    failed = list(session.execute(_FAILED_OF, values).scalars())
    return bool(failed) and reopen(session, failed, doing.by.at) > 0


_THERE = "ms.status <> 'cancelled'"
ACTS: Mapping[Name, Kind] = {
    "adjust": Kind(_THERE, _adjust),
    "re_tier": Kind(
        f"{_THERE} AND (ms.tier_key <> :to_tier OR CAST(:until AS timestamptz) IS NOT NULL)",
        _re_tier,
    ),
    "suspend": Kind("ms.status = 'active'", _suspend),
    "reinstate": Kind("ms.status = 'suspended'", _reinstate),
    "close": Kind(_THERE, _close),
    "re_award": Kind(_HAS_FAILED, _re_award, locks=False),
}
