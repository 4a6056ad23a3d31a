"""A program says which tiers it has."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program, program_by_slug
from loyalty.programs.settings import TierSetting
from loyalty.tiers.set_tiers import TierInUse, set_tiers
from tests.opened import AT, give, joined, opened

BASIC, GOLD = TierSetting("basic", "Basic", 0), TierSetting("gold", "Gold", 500)


def _set(session: Session, program: Program, *tiers: TierSetting) -> list[TierSetting]:
    return set_tiers(session, program, tiers, by=By("eve", None, AT))


def test_tiers_are_replaced_as_a_whole(session: Session) -> None:
    program = opened(session)
    diamond = TierSetting("diamond", "Diamond", 5000)
    assert _set(session, program, diamond, GOLD, BASIC) == [BASIC, GOLD, diamond]
    changed = program_by_slug(session, "wine")
    assert changed.tiers == (BASIC, GOLD, diamond)
    assert changed.version == program.version + 1
    assert records(session, None, 1)[0].act == "program.tiers"


def test_two_tiers_can_swap_their_thresholds(session: Session) -> None:
    program = opened(session)
    swapped = (TierSetting("gold", "Gold", 0), TierSetting("basic", "Basic", 500))
    _set(session, program, *swapped)
    assert program_by_slug(session, "wine").tiers == swapped


def test_a_tier_that_members_stand_on_stays(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=500)
    with pytest.raises(TierInUse):
        _set(session, program, BASIC)
    assert len(program_by_slug(session, "wine").tiers) == 3


def test_a_lower_threshold_raises_with_the_next_award_and_a_higher_one_takes_nothing(
    session: Session,
) -> None:
    program = opened(session)
    joined(session, program, "ann", points=400)
    joined(session, program, "bob", points=500)
    _set(session, program, BASIC, TierSetting("gold", "Gold", 401))
    give(session, program_by_slug(session, "wine"), 1, "ann")
    assert membership_of(session, program.id, "ann").tier_key == "gold"
    _set(session, program, BASIC, TierSetting("gold", "Gold", 9000))
    assert membership_of(session, program.id, "bob").tier_key == "gold"
