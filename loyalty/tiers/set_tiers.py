"""A program says which tiers it has. Members rise with what they are given next, never fall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict
from loyalty.members.models import MembershipRow
from loyalty.programs.models import ProgramRow, TierRow
from loyalty.programs.queries import Program
from loyalty.programs.settings import TierSetting, check_tiers


class TierInUse(Conflict):
    """409: members stand on a tier that would be taken away, or something in force asks for it."""

    code = "tier_in_use"
    title = "This tier is in use"
    cure = "Keep the tier, under another name or threshold if need be, or end what asks for it."


def set_tiers(
    session: Session,
    program: Program,
    tiers: Sequence[TierSetting],
    *,
    by: By,
) -> list[TierSetting]:
    """Replaces the tiers of a locked program; returns them, the lowest first.

    Raises Invalid (unique keys and thresholds, one of them 0) and TierInUse.
    """
    check_tiers(tiers)
    _refuse_used(session, program, {tier.key for tier in tiers})
    own = {"tenant_id": session.info["tenant_id"], "program_id": program.id}
    session.execute(delete(TierRow).filter_by(**own))
    session.execute(insert(TierRow), [{**own, **asdict(tier)} for tier in tiers])
    session.execute(
        update(ProgramRow)
        .where(ProgramRow.tenant_id == own["tenant_id"], ProgramRow.id == program.id)
        .values(version=program.version + 1, **_recounted(program))
    )
    record(
        session,
        by,
        act="program.tiers",
        subject=f"program {program.slug}",
        before={"tiers": [asdict(tier) for tier in program.tiers]},
        after={"tiers": [asdict(tier) for tier in tiers]},
    )
    return sorted(tiers, key=lambda tier: tier.threshold)


def _recounted(program: Program) -> dict[str, int]:
    """Who could not fall may have come to, and the other way round; see recount_tiers."""
    if program.settings.tier_policy.fall == "never":
        return {}
    return {"tier_epoch": program.version + 1, "tier_recounted_to": 0}


def _refuse_used(session: Session, program: Program, kept: set[str]) -> None:
    for gone in [tier for tier in program.tiers if tier.key not in kept]:
        used = session.scalar(
            select(MembershipRow.id)
            .where(
                MembershipRow.tenant_id == session.info["tenant_id"],
                MembershipRow.program_id == program.id,
                MembershipRow.tier_key == gone.key,
            )
            .limit(1)
        )
        if used is not None:
            raise TierInUse(f"Members stand on the tier {gone.key!r}.")
