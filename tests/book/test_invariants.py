"""What Postgres itself keeps, whatever the code does and whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from loyalty.ledger.rules import MAX_POINTS
from tests.book.conftest import Book, act_as
from tests.opened import AT

APPEND_ONLY = [
    "entry",
    "lot_draw",
    "award",
    "activity",
    "adjustment",
    "audit_record",
    "give_back",
    "give_back_verdict",
    "correction",
]
CHANGES = ["UPDATE {0} SET tenant_id = tenant_id", "DELETE FROM {0}", "TRUNCATE {0}"]


def refused(session: Session, statement: str, **values: Any) -> DBAPIError:
    """The error of a statement, which changes nothing."""
    with pytest.raises(DBAPIError) as error, session.begin_nested():
        session.execute(text(statement), values)
    return error.value


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_append_only_can_only_be_added_to(
    session: Session, book: Book, table: str, change: str
) -> None:
    before = session.scalar(text(f"SELECT count(*) FROM {table}"))
    assert before
    no_right = refused(session, change.format(table))
    assert isinstance(no_right, ProgrammingError)
    assert "permission denied" in str(no_right)
    act_as(session, "loyalty_owner")
    no_way = refused(session, change.format(table))
    assert isinstance(no_way, IntegrityError)
    assert f"{table} is append-only" in str(no_way)
    act_as(session, "loyalty_app")
    assert session.scalar(text(f"SELECT count(*) FROM {table}")) == before


_ENTRY = (
    "INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,"
    " pending_after, available_after, held_after, owed_after, cause_id, occurred_at, recorded_at)"
    " VALUES (:tenant, 'award', :account, :version, :source, :target, :points,"
    " :pending, :available, 0, 0, :cause, :at, :at)"
)


def entry(session: Session, book: Book, **other: Any) -> dict[str, Any]:
    """The values of an entry that gives ann 5 points more (she has 107), but for `other`."""
    return {
        "tenant": session.info["tenant_id"],
        "account": book.account,
        "version": 6,
        "source": "issued",
        "target": "available",
        "points": 5,
        "pending": 0,
        "available": 112,
        "cause": book.awarded,
        "at": AT,
        **other,
    }


_MOVED = "UPDATE account SET version = :version, available = :available WHERE id = :account"


def test_an_entry_that_continues_its_account_is_taken(session: Session, book: Book) -> None:
    values = entry(session, book)
    session.execute(text(_MOVED), values)
    session.execute(text(_ENTRY), values)


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 7},
        {"version": 5},
        {"available": 113},
        {"pending": 1},
        {"target": "pending"},
        {"source": "available", "target": "redeemed"},
    ],
)
def test_an_entry_that_does_not_continue_its_account_is_refused(
    session: Session, book: Book, wrong: dict[str, Any]
) -> None:
    values = entry(session, book, **wrong)
    session.execute(text(_MOVED), values)
    assert isinstance(refused(session, _ENTRY, **values), IntegrityError)


def test_a_first_entry_is_number_one(session: Session, book: Book) -> None:
    account = session.execute(
        text("INSERT INTO account (tenant_id, program_id) VALUES (:tenant, :program) RETURNING id"),
        {"tenant": session.info["tenant_id"], "program": book.program.id},
    ).scalar_one()
    values = entry(session, book, account=account, version=2, available=5)
    session.execute(text(_MOVED), values)
    assert isinstance(refused(session, _ENTRY, **values), IntegrityError)


def test_an_entry_without_its_account_is_refused(session: Session, book: Book) -> None:
    told = refused(session, _ENTRY, **entry(session, book))
    assert "does not continue its account" in str(told)
    told = refused(session, _ENTRY, **entry(session, book, account=0, version=1, available=5))
    assert "does not continue its account" in str(told)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"points": 0}, "entry_points_check"),
        ({"points": -5, "available": 102}, "points"),
        ({"points": MAX_POINTS + 1}, "points"),
        ({"source": "available"}, "entry_check"),
        ({"source": "issued", "target": "redeemed"}, "entry_check"),
    ],
)
def test_an_entry_that_is_no_movement_is_refused(
    session: Session, book: Book, wrong: dict[str, Any], why: str
) -> None:
    assert why in str(refused(session, _ENTRY, **entry(session, book, **wrong)).orig)


@pytest.mark.parametrize("bucket", ["pending", "available", "held", "owed", "lifetime"])
@pytest.mark.parametrize("figure", [-1, MAX_POINTS + 1])
def test_no_figure_leaves_its_range(session: Session, book: Book, bucket: str, figure: int) -> None:
    assert "points" in str(
        refused(session, f"UPDATE account SET {bucket} = :figure", figure=figure).orig
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lot SET remaining = points + 1",
        "UPDATE lot SET remaining = -1",
        "UPDATE lot SET open = NOT open",
    ],
)
def test_a_lot_holds_what_it_got_at_most(session: Session, book: Book, change: str) -> None:
    assert isinstance(refused(session, change), IntegrityError)


def test_an_activity_is_awarded_set_back_and_open_once(session: Session, book: Book) -> None:
    act_as(session, "postgres")
    session.execute(text("SET LOCAL session_replication_role = replica"))
    for table in ("activity", "award", "setback", "unsettled"):
        again = refused(session, f"INSERT INTO {table} SELECT * FROM {table}")
        assert "duplicate key" in str(again.orig)
