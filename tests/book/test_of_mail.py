"""A mail about what never was is found."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book.of_mail import OF_PROGRAMS
from tests.book.conftest import Book, act_as

BREAKS = [
    "UPDATE notification SET data = data || '{\"milestone\": 9007199254740991}'",
    "UPDATE notification SET data = data || '{\"milestone\": 0}'",
    "UPDATE notification SET data = data || '{\"version\": 99}'",
    "UPDATE notification SET data = '{}'",
    "UPDATE entry SET to_bucket = 'held'",
]


@pytest.mark.parametrize("broken", BREAKS)
def test_a_break_is_found_and_named(session: Session, book: Book, broken: str) -> None:
    [question] = OF_PROGRAMS.values()
    values = {"tenant": session.info["tenant_id"], "program": book.program.id}
    assert session.execute(text(question), values).all() == []
    act_as(session, "postgres")
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(f"{broken} WHERE tenant_id = :tenant"), values)
    assert session.execute(text(question), values).scalar_one() == (
        f"mail milestone {book.membership} 1"
    )
