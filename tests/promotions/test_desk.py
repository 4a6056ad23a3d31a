"""A promotion is drafted, published and ended; what was published never changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.errors import Invalid, Problem
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion, every_promotion, promotion_by_key, promotions
from loyalty.promotions.draft import (
    DraftExists,
    NoDraft,
    NotByHand,
    PromotionExists,
    add_draft,
    add_promotion,
    change_promotion,
)
from loyalty.promotions.end import NeverPublished, end
from loyalty.promotions.publish import publish
from loyalty.promotions.queries import published_versions
from loyalty.transaction import transaction
from tests.opened import AT, opened
from tests.tenant import TestTenant

EVE = By("eve", "r1", AT)
DOUBLE = {"multiplier": "2"}
TRIPLE = {"multiplier": "3"}


def _eve(at: datetime) -> By:
    return By("eve", "r1", at)


def _days(count: int) -> datetime:
    return AT + timedelta(days=count)


def _add(session: Session, program: Program, key: str = "summer", **more: Any) -> Promotion:
    values = {"rule": DOUBLE, "fixtures": [], "starts_at": None, "ends_at": None, **more}
    return add_promotion(session, program, {"key": key, "name": key.title(), **values}, EVE)


def _locked(session: Session, program: Program, key: str = "summer") -> Promotion:
    return promotion_by_key(session, program.id, key, lock=True)


def _publish(
    session: Session, program: Program, at: datetime = AT, key: str = "summer"
) -> Promotion:
    return publish(session, program, _locked(session, program, key), lambda _: None, _eve(at))


def _draft(session: Session, program: Program, at: datetime = AT, **values: Any) -> Promotion:
    whole = {"starts_at": None, "ends_at": None, **values}
    return add_draft(session, program, _locked(session, program), whole, _eve(at))


def _spans(session: Session, program: Program) -> list[tuple[datetime | None, datetime | None]]:
    published = published_versions(session, [program.id])[program.id]
    found = sorted(published, key=lambda one: one.number)
    return [(one.starts_at, one.ends_at) for one in found if not one.standing]


def test_a_draft_judges_nothing(session: Session) -> None:
    program = opened(session)
    added = _add(session, program)
    assert (added.status(AT), added.draft, added.current(AT)) == ("draft", added.versions[0], None)
    assert _spans(session, program) == []
    assert [one.key for one in every_promotion(session, program.id)] == ["standing", "summer"]
    assert [one.key for one in promotions(session, program.id, before=None, limit=1)] == ["summer"]
    with pytest.raises(PromotionExists):
        _add(session, program)


def test_what_a_rule_says_wrong_is_named(session: Session) -> None:
    program = opened(session)
    with pytest.raises(Invalid) as refused:
        _add(session, program, rule={"multiplier": "2", "when": {"sku": []}})
    assert refused.value.errors[0].pointer == "/rule/when/sku"
    with pytest.raises(Invalid) as refused:
        _add(session, program, starts_at=_days(2), ends_at=_days(2))
    assert refused.value.errors[0].pointer == "/ends_at"


def test_a_version_starts_when_it_is_published_or_later(session: Session) -> None:
    program = opened(session)
    _add(session, program)
    done = _publish(session, program, _days(1))
    assert (done.status(_days(1)), done.draft, done.revision) == ("published", None, 2)
    assert _spans(session, program) == [(_days(1), None)]
    with pytest.raises(NoDraft):
        _publish(session, program)
    with pytest.raises(NoDraft):
        change_promotion(session, program, done, {"rule": TRIPLE}, EVE)
    renamed = change_promotion(session, program, done, {"name": "Sun"}, EVE)
    assert (renamed.name, renamed.revision) == ("Sun", 3)


def test_nothing_is_published_into_the_past(session: Session) -> None:
    program = opened(session)
    _add(session, program, starts_at=_days(1), ends_at=_days(9))
    with pytest.raises(Invalid) as refused:
        _publish(session, program, _days(2))
    assert [(one.pointer, one.code) for one in refused.value.errors] == [
        ("/starts_at", "in_the_past")
    ]
    change_promotion(session, program, _locked(session, program), {"starts_at": None}, EVE)
    with pytest.raises(Invalid) as refused:
        _publish(session, program, _days(9))
    assert refused.value.errors[0].pointer == "/ends_at"
    assert _spans(session, program) == []


def test_a_new_version_takes_over_at_its_start(session: Session) -> None:
    program = opened(session)
    _add(session, program)
    _publish(session, program)
    drafted = _draft(session, program, rule=TRIPLE, starts_at=_days(10))
    assert (drafted.status(AT), drafted.draft and drafted.draft.number) == ("published", 2)
    with pytest.raises(DraftExists):
        _draft(session, program)
    _publish(session, program, _days(3))
    assert _spans(session, program) == [(AT, _days(10)), (_days(10), None)]
    told = promotion_by_key(session, program.id, "summer")
    for at, number in ((_days(9), 1), (_days(10), 2)):
        current = told.current(at)
        assert current is not None
        assert (current.number, current.status(at)) == (number, "published")


def test_a_version_ends_where_a_later_one_starts(session: Session) -> None:
    program = opened(session)
    _add(session, program, starts_at=_days(20))
    _publish(session, program)
    assert promotion_by_key(session, program.id, "summer").current(AT) is not None
    _draft(session, program)
    _publish(session, program, _days(1))
    assert _spans(session, program) == [(_days(20), None), (_days(1), _days(20))]


def test_a_new_draft_is_a_copy_of_the_newest_version(session: Session) -> None:
    program = opened(session)
    _add(session, program, rule=TRIPLE)
    _publish(session, program)
    draft = _draft(session, program).draft
    assert draft is not None
    assert (draft.rule, draft.number, draft.starts_at) == (TRIPLE, 2, None)


def test_a_promotion_ends_now_or_later(session: Session) -> None:
    program = opened(session)
    _add(session, program)
    with pytest.raises(NeverPublished):
        end(session, program, _locked(session, program), None, EVE)
    _publish(session, program)
    with pytest.raises(Invalid):
        end(session, program, _locked(session, program), _days(1), _eve(_days(2)))
    later = end(session, program, _locked(session, program), _days(9), _eve(_days(2)))
    assert (later.status(_days(8)), later.status(_days(9))) == ("published", "ended")
    done = end(session, program, _locked(session, program), None, _eve(_days(3)), reason="sold out")
    again = end(session, program, _locked(session, program), None, _eve(_days(4)))
    assert again == done
    assert _spans(session, program) == [(AT, _days(3))]
    assert records(session, None, 1)[0].reason == "sold out"


def test_what_was_to_begin_later_never_does(session: Session) -> None:
    program = opened(session)
    _add(session, program, starts_at=_days(20))
    _publish(session, program)
    end(session, program, _locked(session, program), None, _eve(_days(1)))
    assert _spans(session, program) == [(_days(20), _days(20))]
    assert promotion_by_key(session, program.id, "summer").status(_days(20)) == "ended"


def test_the_standing_promotion_is_the_program_s(session: Session) -> None:
    program = opened(session)
    standing = _locked(session, program, "standing")
    acts: list[Callable[[], Promotion]] = [
        lambda: add_draft(session, program, standing, {}, EVE),
        lambda: change_promotion(session, program, standing, {"name": "x"}, EVE),
        lambda: publish(session, program, standing, lambda _: None, EVE),
        lambda: end(session, program, standing, None, EVE),
    ]
    for act in acts:
        with pytest.raises(NotByHand):
            act()


def test_each_act_is_written_down(session: Session) -> None:
    program = opened(session)
    _add(session, program)
    change_promotion(session, program, _locked(session, program), {"rule": TRIPLE}, EVE)
    _publish(session, program)
    _draft(session, program)
    end(session, program, _locked(session, program), None, EVE)
    found = [one for one in records(session, None, 9) if one.act.startswith("promotion.")]
    assert [one.act.removeprefix("promotion.") for one in found] == [
        "end",
        "draft",
        "publish",
        "change",
        "add",
    ]
    assert {(one.subject, one.actor, one.request_id) for one in found} == {
        ("promotion wine/summer", "eve", "r1")
    }
    changed = found[3]
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["rule"], changed.after["rule"]) == (DOUBLE, TRIPLE)


def test_others_are_told(session: Session) -> None:
    program = opened(session)
    _add(session, program, ends_at=_days(30))
    _publish(session, program)
    end(session, program, _locked(session, program), _days(9), EVE)
    end(session, program, _locked(session, program), _days(9), EVE)
    found = session.execute(
        text("SELECT type, subject, data, program_id FROM event ORDER BY seq")
    ).all()
    at, until, sooner = (_days(days).isoformat() for days in (0, 30, 9))
    assert [tuple(row) for row in found] == [
        (
            "promotion.published",
            "promotion wine/summer",
            {"version": 1, "starts_at": at, "ends_at": until},
            program.id,
        ),
        ("promotion.ended", "promotion wine/summer", {"ends_at": sooner}, program.id),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "rule = '{}'",
        "fixtures = '[1]'",
        "starts_at = starts_at - interval '1 day'",
        "status = 'draft'",
        "ends_at = 'infinity'",
    ],
)
def test_postgres_itself_keeps_what_was_published(session: Session, change: str) -> None:
    program = opened(session)
    _add(session, program, ends_at=_days(5))
    session.execute(text(f"UPDATE promotion_version SET {change} WHERE status = 'draft'"))
    session.execute(
        text("UPDATE promotion_version SET ends_at = '2026-12-01' WHERE status = 'draft'")
    )
    _publish(session, program)
    with pytest.raises(InternalError, match="a published version of a promotion only ends"):
        session.execute(text(f"UPDATE promotion_version SET {change} WHERE status = 'published'"))


def test_postgres_itself_keeps_one_draft(session: Session) -> None:
    program = opened(session)
    added = _add(session, program)
    with pytest.raises(IntegrityError):
        session.execute(
            text(
                "INSERT INTO promotion_version (tenant_id, promotion_id, version, status, rule)"
                " VALUES (:tenant, :promotion, 2, 'draft', '{}')"
            ),
            {"tenant": session.info["tenant_id"], "promotion": added.id},
        )


def test_published_twice_at_once_is_published_once(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        _add(session, program)
    start = threading.Barrier(4)
    told: list[str] = []

    def go() -> None:
        start.wait()
        try:
            with transaction(tenant.id) as session:
                _publish(session, program)
            told.append("done")
        except Problem as problem:
            told.append(problem.code)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["done", "no_draft", "no_draft", "no_draft"]
    with transaction(tenant.id) as session:
        assert _spans(session, program) == [(AT, None)]
