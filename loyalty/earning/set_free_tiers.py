"""A tier is taken away only when nothing asks for it any more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.conditions.naming import named
from loyalty.conditions.tier import Tier
from loyalty.earning.asking import asking
from loyalty.programs.queries import Program
from loyalty.programs.settings import TierSetting
from loyalty.tiers.set_tiers import TierInUse, set_tiers


def set_free_tiers(
    session: Session, program: Program, tiers: Sequence[TierSetting], by: By
) -> list[TierSetting]:
    """Replaces the tiers of a program that is locked and at rest; returns them, the lowest first.

    Raises what set_tiers raises, and TierInUse for one that something in force asks for.
    """
    ordered = set_tiers(session, program, tiers, by=by)
    gone = {tier.key for tier in program.tiers} - {tier.key for tier in tiers}
    if gone:
        for what, condition in asking(session, program, by.at):
            for key in sorted(gone & named(condition, Tier)):
                raise TierInUse(f"A {what} asks for the tier {key!r}.")
    return ordered
