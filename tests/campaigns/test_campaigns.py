"""Campaigns are drafted, published and ended, and what makes no sense is refused by its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns import publish as publishing
from loyalty.campaigns.define import GoalExists, GoalInUse, drop_goal
from loyalty.campaigns.draft import CampaignExists, NotADraft, change_campaign, drop_campaign
from loyalty.campaigns.find import campaign_by_key, goal_by_key
from loyalty.campaigns.publish import NotPublished, TooManyCampaigns
from loyalty.errors import Invalid, NotFound
from loyalty.programs.queries import Program
from tests.campaigns.given import (
    COFFEES,
    coffees,
    counted,
    draft,
    end,
    goal,
    publish,
    running,
)
from tests.earning.given import count
from tests.opened import AT, joined, opened

DAY = timedelta(days=1)


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program)
    return program


def change(session: Session, program: Program, **patch: Any) -> None:
    present = campaign_by_key(session, program, "coffee", lock=True)
    change_campaign(session, program, present, patch, by=By("test", None, AT))


# Drafts, publishing, ending ----------------------------------------------------------------------


def test_a_draft_counts_nothing_until_it_is_published(session: Session, program: Program) -> None:
    goal(session, program, "coffee", COFFEES)
    draft(session, program)
    coffees(session, program, 4)
    publish(session, program)
    coffees(session, program, 3)
    assert counted(session, program) == ("in_progress", 0, [3])


def test_a_draft_can_change_and_go(session: Session, program: Program) -> None:
    goal(session, program, "coffee", COFFEES)
    goal(session, program, "tea", {"kind": "visit", "times": 2})
    draft(session, program)
    change(session, program, goals=["tea", "coffee"], times=3, goals_needed=1)
    told = campaign_by_key(session, program, "coffee")
    assert (told.goals, told.times, told.goals_needed) == (("tea", "coffee"), 3, 1)
    assert told.version == 2
    drop_campaign(session, program, told, by=By("test", None, AT))
    with pytest.raises(NotFound):
        campaign_by_key(session, program, "coffee")


def test_of_a_published_campaign_only_name_and_end_change(
    session: Session, program: Program
) -> None:
    running(session, program)
    change(session, program, name="More coffee", ends_at=AT + DAY)
    patches: list[dict[str, Any]] = [
        {"times": 2},
        {"rewards": []},
        {"goals": ["coffee"]},
        {"starts_at": None},
    ]
    for patch in patches:
        with pytest.raises(NotADraft):
            change(session, program, **patch)
    with pytest.raises(Invalid) as refused:
        change(session, program, ends_at=AT)
    assert refused.value.errors[0].pointer == "/ends_at"
    present = campaign_by_key(session, program, "coffee")
    with pytest.raises(NotADraft):
        drop_campaign(session, program, present, by=By("test", None, AT))
    with pytest.raises(NotADraft):
        publish(session, program)


def test_only_what_is_published_ends_and_only_once(session: Session, program: Program) -> None:
    goal(session, program, "coffee", COFFEES)
    draft(session, program)
    with pytest.raises(NotPublished):
        end(session, program)
    publish(session, program)
    assert end(session, program).ends_at == AT
    with pytest.raises(NotPublished):
        end(session, program)


def test_a_campaign_that_ends_before_it_began_counts_nothing(
    session: Session, program: Program
) -> None:
    running(session, program, starts_at=AT + DAY)
    ended = end(session, program)
    assert ended.starts_at == ended.ends_at == AT + DAY
    coffees(session, program, 4)
    coffees(session, program, 4, occurred_at=AT + DAY)
    assert count(session, "campaign_progress") == 0


@pytest.mark.parametrize(
    ("more", "pointer", "code"),
    [
        ({"goals": ["coffee", "nothing"]}, "/goals/1", "unknown_goal"),
        ({"goals": ["coffee", "coffee"]}, "/goals/1", "not_unique"),
        ({"goals_needed": 2}, "/goals_needed", "too_large"),
        ({"starts_at": AT, "ends_at": AT - DAY}, "/ends_at", "before_start"),
        ({"rewards": [{"kind": "points", "days": 3}]}, "/rewards/0/days", "unknown_field"),
        (
            {"rewards": [{"kind": "multiplier", "factor": "1", "days": 3}]},
            "/rewards/0/factor",
            None,
        ),
    ],
)
def test_a_draft_that_makes_no_sense_names_the_field(
    session: Session, program: Program, more: dict[str, Any], pointer: str, code: str | None
) -> None:
    goal(session, program, "coffee", COFFEES)
    with pytest.raises(Invalid) as refused:
        draft(session, program, **more)
    [error] = refused.value.errors
    assert (error.pointer, error.code) == (pointer, code or error.code)


@pytest.mark.parametrize(
    ("rule", "pointer"),
    [
        ({"kind": "buy"}, ""),
        ({"kind": "buy", "amount": "1", "quantity": "1"}, ""),
        ({"kind": "buy", "times": 2, "at_once": True}, "/at_once"),
        ({"kind": "buy", "quantity": "2", "currency": "USD"}, "/currency"),
        ({"kind": "visit", "amount": "3"}, "/amount"),
        ({"kind": "visit", "times": 1001}, "/times"),
        ({"kind": "tier", "tier": "diamond"}, "/tier"),
        ({"kind": "buy", "times": 1, "when": {"flavour": []}}, "/when/flavour"),
        ({"kind": "activity", "attributes": {"type": ["a"]}}, "/attributes/type"),
    ],
)
def test_a_goal_that_makes_no_sense_names_the_field(
    session: Session, program: Program, rule: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        goal(session, program, "g", rule)
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_keys_are_unique_and_a_goal_in_use_stays(session: Session, program: Program) -> None:
    goal(session, program, "coffee", COFFEES)
    with pytest.raises(GoalExists):
        goal(session, program, "coffee", COFFEES)
    draft(session, program)
    with pytest.raises(CampaignExists):
        draft(session, program)
    used = goal_by_key(session, program, "coffee", lock=True)
    with pytest.raises(GoalInUse):
        drop_goal(session, program, used, by=By("test", None, AT))
    present = campaign_by_key(session, program, "coffee")
    drop_campaign(session, program, present, by=By("test", None, AT))
    drop_goal(session, program, used, by=By("test", None, AT))
    with pytest.raises(NotFound):
        goal_by_key(session, program, "coffee")


def test_a_program_has_so_many_published_campaigns(
    session: Session, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "MOST_PUBLISHED", 1)
    running(session, program)
    draft(session, program, "another")
    with pytest.raises(TooManyCampaigns):
        publish(session, program, "another")
    end(session, program)
    publish(session, program, "another")
