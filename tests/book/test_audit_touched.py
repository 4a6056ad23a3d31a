"""The beat audits what was touched since it last looked, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from loyalty.book import audit_touched as beat
from loyalty.book.audit import LATEST_COMMIT, Broken
from loyalty.book.audit_touched import audit_touched, found_whole
from loyalty.book.checks import IN_SCOPE, OF_ACCOUNTS
from loyalty.transaction import across_tenants, transaction
from tests.book.conftest import Book, written
from tests.elsewhere import database_alone
from tests.opened import AT
from tests.servers import Own
from tests.tenant import TestTenant

SOON = AT + LATEST_COMMIT + timedelta(microseconds=1)


@pytest.fixture
def superuser(database: Own) -> Iterator[Session]:
    """May break a book; in a database of the test's own."""
    with database_alone(database) as name:
        url = database.postgres.superuser_url(name)
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
        with Session(engine) as session:
            yield session
        engine.dispose()


@pytest.fixture
def book(superuser: Session, tenant: TestTenant) -> Book:
    """Written at `AT`."""
    with transaction(tenant.id) as session:
        return written(session)


def broken_at(session: Session, book: Book) -> None:
    session.execute(text("SET session_replication_role = replica"))
    session.execute(
        text("UPDATE account SET available = available + 1 WHERE id = :id"), {"id": book.account}
    )
    session.commit()


def ticked(at: datetime) -> list[Broken] | None:
    with across_tenants() as system:
        return audit_touched(system, at)


def remembered() -> tuple[datetime, int, str | None]:
    with across_tenants() as system:
        row = system.execute(text("SELECT audited_until, broken, detail FROM book_check")).one()
    return row.audited_until, row.broken, row.detail


def test_a_whole_book_is_remembered_as_such(book: Book) -> None:
    assert ticked(SOON) == []
    assert remembered() == (SOON - LATEST_COMMIT, 0, None)


def test_a_break_is_told_and_remembered(superuser: Session, book: Book, tenant: TestTenant) -> None:
    broken_at(superuser, book)
    told = ticked(SOON)
    assert told is not None
    assert {(one.tenant, one.program, one.row) for one in told} == {
        (tenant.slug, "wine", f"account {book.account}"),
        (tenant.slug, "wine", "program"),
    }
    _, broken, detail = remembered()
    assert broken == len(told) == 3
    assert f"wine: account {book.account}: an account is the sum of its entries" in str(detail)


def test_what_may_still_commit_is_left_to_the_next_tick(superuser: Session, book: Book) -> None:
    broken_at(superuser, book)
    assert ticked(AT + LATEST_COMMIT) == []
    assert ticked(SOON) != []


def test_what_was_not_touched_since_is_not_looked_at(superuser: Session, book: Book) -> None:
    assert ticked(SOON) == []
    broken_at(superuser, book)
    assert ticked(SOON + timedelta(days=1)) == []


def test_a_sandbox_is_audited_by_its_own_clock(
    superuser: Session, book: Book, tenant: TestTenant
) -> None:
    broken_at(superuser, book)
    ahead = text("UPDATE tenant SET sandbox = true, clock_offset = '400 days' WHERE id = :id")
    superuser.execute(ahead, {"id": tenant.id})
    superuser.commit()
    assert ticked(SOON - timedelta(days=401)) == []
    told = ticked(SOON - timedelta(days=400))
    assert f"account {book.account}" in {one.row for one in told or ()}


def test_two_audits_at_once_are_one(book: Book) -> None:
    with across_tenants() as one:
        assert audit_touched(one, SOON) == []
        assert ticked(SOON) is None


@pytest.mark.parametrize(("most", "value"), [("MOST_ACCOUNTS", 1), ("MOST_ENTRIES", 1)])
def test_a_stretch_is_audited_some_accounts_at_a_time(
    superuser: Session, book: Book, monkeypatch: pytest.MonkeyPatch, most: str, value: int
) -> None:
    """What comes meanwhile is of the next stretch, and none of them is left out."""
    until = SOON - LATEST_COMMIT + A_SECOND
    accounts = superuser.execute(_TOUCHED_ACCOUNTS, {"until": until}).scalars().all()
    assert len(accounts) > 2
    monkeypatch.setattr(beat, most, value)
    for number, account in enumerate(accounts, 1):
        _break(superuser, account)
        told = ticked(SOON + timedelta(seconds=number))
        assert {one.row for one in told or ()} >= {f"account {account}"}
        _mend(superuser, account)
        if account != accounts[-1]:
            assert (remembered()[0], _place(superuser)) == (BEFORE_ALL, account)
    assert (remembered()[0], _place(superuser)) == (until, 0)


def test_a_break_stands_until_the_whole_book_was_audited_after_it(
    superuser: Session, book: Book
) -> None:
    broken_at(superuser, book)
    ticked(SOON)
    assert ticked(SOON + timedelta(days=1)) == []
    assert remembered()[1] == 3
    for began, stands in ((SOON, 3), (SOON + A_SECOND, 0)):
        with across_tenants() as system:
            found_whole(system, began)
        assert remembered()[1] == stands
    assert remembered()[2] is None


def test_no_question_reads_more_than_the_accounts_in_hand() -> None:
    """But for those that begin with them."""
    assert {name for name, question in OF_ACCOUNTS.items() if IN_SCOPE not in question} == {
        "nothing stands that was due a day ago",
        "what counts for a tier on a day was earned on it",
        "merged accounts are empty",
    }


BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
_TOUCHED_ACCOUNTS = text(
    "SELECT DISTINCT account_id FROM entry WHERE recorded_at < :until ORDER BY 1"
)


def _break(session: Session, account: int, by: int = 1) -> None:
    session.execute(text("SET session_replication_role = replica"))
    values = {"id": account, "by": by}
    session.execute(text("UPDATE account SET available = available + :by WHERE id = :id"), values)
    session.commit()


def _mend(session: Session, account: int) -> None:
    _break(session, account, -1)


def _place(session: Session) -> int:
    place: int = session.execute(text("SELECT after_account FROM book_check")).scalar_one()
    session.commit()
    return place
