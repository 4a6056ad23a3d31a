"""The audit finds versions that overlap, and a list that is not as long as it says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.book.of_desk import OF_PROGRAMS
from loyalty.promotions.desk import promotion_by_key
from loyalty.promotions.draft import add_draft, add_promotion
from loyalty.promotions.publish import publish
from tests.book.conftest import Book, act_as
from tests.book.test_checks import damage, verdicts
from tests.opened import AT

_VERSIONS, _LISTS = OF_PROGRAMS


@pytest.fixture
def versioned(session: Session, book: Book) -> Book:
    """The book, with a promotion of which two versions follow each other."""
    by = By("eve", None, AT)
    none = {"starts_at": None, "ends_at": None}
    values: dict[str, Any] = {"rule": {"fixed": 1}, "fixtures": [], **none}
    add_promotion(session, book.program, {"key": "a", "name": "A", **values}, by)
    for start in (None, AT + timedelta(days=1)):
        locked = promotion_by_key(session, book.program.id, "a", lock=True)
        if start is not None:
            add_draft(session, book.program, locked, {"starts_at": start, "ends_at": None}, by)
            locked = promotion_by_key(session, book.program.id, "a", lock=True)
        publish(session, book.program, locked, lambda _: None, by)
    return book


def test_nothing_is_wrong_with_them(session: Session, versioned: Book) -> None:
    assert verdicts(session)[-1].broken == []


@pytest.mark.parametrize(
    ("invariant", "change", "row"),
    [
        (
            _VERSIONS,
            "UPDATE promotion_version SET ends_at = 'infinity' WHERE rule = '{\"fixed\": 1}'",
            "promotion a, versions 1 and 2",
        ),
        (_LISTS, "DELETE FROM segment_member", "segment vip"),
        (_LISTS, "UPDATE segment SET size = 2", "segment vip"),
    ],
)
def test_a_break_is_named(
    session: Session, versioned: Book, invariant: str, change: str, row: str
) -> None:
    damage(session, change)
    act_as(session, "loyalty_system")
    told = session.execute(
        text(OF_PROGRAMS[invariant]),
        {"tenant": session.info["tenant_id"], "program": versioned.program.id},
    ).scalar_one()
    assert told == row
