"""A program opens, changes, pauses and resumes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.errors import NotFound
from loyalty.programs.cache import TTL_S, recent_program
from loyalty.programs.create_program import ProgramExists
from loyalty.programs.pause import pause_program, resume_program
from loyalty.programs.queries import program_by_slug, programs
from loyalty.programs.settings import DEFAULT_TIERS, EarnRate, ProgramSettings, Rate
from loyalty.promotions.open_program import amend_program
from loyalty.promotions.queries import published_versions
from tests.opened import AT, opened


def test_a_program_opens_with_tiers_and_a_standing_promotion(session: Session) -> None:
    rate = EarnRate(5, Decimal(100), "whole", "up", {"EUR": Rate(1, Decimal(2))}, ("tax",))
    program = opened(session, settings=ProgramSettings(earn_rate=rate, before_joining="nothing"))
    assert program_by_slug(session, "wine") == program
    assert program.tiers == DEFAULT_TIERS
    assert program.status == "active"
    [version] = published_versions(session, [program.id])[program.id]
    assert (version.number, version.starts_at, version.ends_at) == (1, None, None)
    assert {code: (one.points, one.per) for code, one in version.rule.rates.items()} == {
        "USD": (5, Decimal(100)),
        "EUR": (1, Decimal(2)),
    }
    assert (version.rule.step, version.rule.rounding) == ("whole", "up")
    assert version.rule.excludes == {"tax"}
    assert version.rule.before_joining is False


def test_a_slug_is_taken_once(session: Session) -> None:
    opened(session)
    with pytest.raises(ProgramExists):
        opened(session)


def test_who_asks_for_another_program_is_told_that_there_is_none(session: Session) -> None:
    with pytest.raises(NotFound):
        program_by_slug(session, "wine")


def test_programs_are_listed_newest_first(session: Session) -> None:
    made = [opened(session, slug) for slug in ("one", "two", "three")]
    assert [one.slug for one in programs(session, None, 2)] == ["three", "two"]
    assert [one.slug for one in programs(session, made[1].id, 2)] == ["one"]


def test_a_change_keeps_what_it_does_not_name(session: Session) -> None:
    program = opened(session)
    patch = {"unit": "miles", "burn": {"min_points": 10, "step": None}, "late_window_days": 7}
    changed = amend_program(session, program, patch, by=By("eve", "r1", AT))
    assert program_by_slug(session, "wine") == changed
    assert (changed.name, changed.unit, changed.version) == ("Wine & Dine", "miles", 2)
    assert changed.settings.burn.min_points == 10
    assert changed.settings.burn.step == 1
    assert changed.settings.late_window_days == 7
    assert changed.settings.park_window_days == 90


def test_another_earn_rate_holds_from_now_on(session: Session) -> None:
    program = opened(session)
    later = AT + timedelta(days=30)
    amend_program(session, program, {"earn_rate": {"points": 3}}, by=By("eve", None, later))
    versions = published_versions(session, [program.id])[program.id]
    ordered = sorted(versions, key=lambda version: version.number)
    assert [(one.rule.rates["USD"].points, one.starts_at, one.ends_at) for one in ordered] == [
        (1, None, later),
        (3, later, None),
    ]


def test_a_change_of_something_else_publishes_no_version(session: Session) -> None:
    program = opened(session)
    amend_program(session, program, {"name": "Wine"}, by=By("eve", None, AT))
    assert len(published_versions(session, [program.id])[program.id]) == 1


def test_a_change_is_written_down(session: Session) -> None:
    program = opened(session)
    amend_program(session, program, {"name": "Wine"}, by=By("eve", "r1", AT))
    told = {one.act: one for one in records(session, None, 10)}["program.change"]
    assert (told.actor, told.request_id, told.subject) == ("eve", "r1", "program wine")
    assert told.before is not None
    assert told.after is not None
    assert (told.before["name"], told.after["name"]) == ("Wine & Dine", "Wine")


def test_pause_and_resume_say_why_and_are_written_down(session: Session) -> None:
    opened(session)
    paused = pause_program(session, "wine", reason="stock-taking", by=By("eve", None, AT))
    assert (paused.status, paused.paused_at, paused.paused_reason) == ("paused", AT, "stock-taking")
    resumed = resume_program(session, "wine", reason="done", by=By("eve", None, AT))
    assert (resumed.status, resumed.paused_at, resumed.paused_reason) == ("active", None, None)
    told = [(one.act, one.reason) for one in records(session, None, 2)]
    assert told == [("program.resume", "done"), ("program.pause", "stock-taking")]


def test_pausing_what_is_paused_changes_nothing(session: Session) -> None:
    opened(session)
    first = pause_program(session, "wine", reason="a", by=By("eve", None, AT))
    again = pause_program(session, "wine", reason="b", by=By("eve", None, AT + timedelta(hours=1)))
    assert again == first
    assert [one.act for one in records(session, None, 10)].count("program.pause") == 1


def test_the_hot_paths_see_a_change_after_two_seconds(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("loyalty.programs.cache.time.monotonic", lambda: now_s)
    opened(session)
    assert recent_program(session, "wine").name == "Wine & Dine"
    session.execute(text("UPDATE program SET name = 'Wine'"))
    assert recent_program(session, "wine").name == "Wine & Dine"
    now_s += TTL_S
    assert recent_program(session, "wine").name == "Wine"
