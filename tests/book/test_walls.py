"""Nobody sees across the wall between tenants, with or without a WHERE."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from tests.book.conftest import Book, act_as

#: Tables that belong to nobody: what Alembic ran, and how far the beat has audited and replayed.
OF_NOBODY = {"alembic_version", "book_check", "replay_check"}
_TABLES = text(
    "SELECT c.relname, c.relrowsecurity FROM pg_class c"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
)
_ENTER = text("SELECT set_config('loyalty.tenant', :tenant, true)")


def tables(session: Session) -> set[str]:
    """The tables of tenants; every other one is named above."""
    found = {row.relname: row.relrowsecurity for row in session.execute(_TABLES)}
    assert {name for name, walled in found.items() if not walled} == OF_NOBODY
    return found.keys() - OF_NOBODY


def seen(session: Session) -> set[str]:
    """The tables in which the session sees anything at all."""
    return {
        table
        for table in tables(session)
        if session.scalar(text(f"SELECT EXISTS (SELECT FROM {table})"))
    }


@pytest.fixture
def other(session: Session, book: Book) -> int:
    """The session acts for another tenant, of which there is nothing but the name."""
    act_as(session, "loyalty_system")
    tenant_id: int = session.execute(
        text(
            "INSERT INTO tenant (slug, name, created_at) VALUES ('t-other', 'Other', now())"
            " RETURNING id"
        )
    ).scalar_one()
    act_as(session, "loyalty_app")
    session.execute(_ENTER, {"tenant": str(tenant_id)})
    return tenant_id


def test_a_tenant_sees_its_own_in_every_table(session: Session, book: Book) -> None:
    assert seen(session) == tables(session)


def test_another_tenant_sees_nothing_of_it(session: Session, other: int) -> None:
    assert seen(session) == {"tenant"}
    assert session.execute(text("SELECT id FROM tenant")).scalars().all() == [other]


@pytest.mark.parametrize("nobody", ["", "0"])
def test_without_a_tenant_nothing_is_seen(session: Session, book: Book, nobody: str) -> None:
    session.execute(_ENTER, {"tenant": nobody})
    assert seen(session) == set()


def test_another_tenant_changes_nothing_of_it(session: Session, other: int) -> None:
    for change in (
        "UPDATE account SET available = 0",
        "UPDATE program SET name = 'mine'",
        "UPDATE membership SET status = 'cancelled'",
        "DELETE FROM unsettled",
        "DELETE FROM setback",
        "DELETE FROM idempotency",
    ):
        assert session.execute(text(change)).rowcount == 0  # type: ignore[attr-defined]


def test_nobody_writes_into_another_tenant(session: Session, book: Book, other: int) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), session.begin_nested():
        session.execute(
            text("INSERT INTO account (tenant_id, program_id) VALUES (:tenant, 1)"),
            {"tenant": session.info["tenant_id"]},
        )


def test_the_functions_see_no_further_than_their_caller(
    session: Session, book: Book, other: int
) -> None:
    ours = {"tenant": session.info["tenant_id"], "id": str(book.open)}
    claimed = session.execute(
        text("SELECT * FROM claim_activities(:tenant, ARRAY[CAST(:id AS uuid)], 200, 3)"), ours
    ).all()
    assert claimed == []
    assert not session.scalar(
        text("SELECT bool_or(prosecdef) FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    )


def test_the_roles_own_nothing_and_may_not_pass_the_wall(session: Session) -> None:
    rows = session.execute(
        text(
            "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS mighty,"
            " EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) AS owns"
            " FROM pg_roles r WHERE rolname IN ('loyalty_app', 'loyalty_system')"
        )
    ).all()
    assert sorted(map(tuple, rows)) == [
        ("loyalty_app", False, False),
        ("loyalty_system", False, False),
    ]
