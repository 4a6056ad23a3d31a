"""An export holds every table, or says why not; of a member, what is theirs and nobody else's."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.people.export import EXPORTED, LEFT_OUT, PAGE, export, members_rows
from loyalty.people.export_file import ndjson, zipped
from loyalty.transaction import snapshot, transaction
from tests.book.conftest import Book, act_as
from tests.book.conftest import book as book  # the small book, with all in it
from tests.book.test_walls import tables
from tests.opened import give, joined, opened
from tests.tenant import TestTenant

_SECRETS = ("secret", "password", "hash", "verification_key", "private")


def rows(session: Session, member_id: str | None = None) -> list[tuple[str, dict[str, Any]]]:
    """What is exported, read again."""
    whose = members_rows(session, member_id) if member_id else None
    return [(table, json.loads(row)) for table, row in export(session, whose)]


def test_each_table_is_exported_or_left_out_for_a_reason(session: Session) -> None:
    named = [one.name for one in EXPORTED]
    assert len(named) == len(set(named))
    assert not LEFT_OUT.keys() & set(named)
    assert LEFT_OUT.keys() | set(named) == tables(session)


def test_nothing_that_is_exported_is_a_secret(session: Session, book: Book) -> None:
    columns = {(table, column) for table, row in rows(session) for column in row}
    assert not [one for one in columns if any(word in one[1] for word in _SECRETS)]
    assert not [one for one in columns if one[1] == "tenant_id"]


def test_everything_of_the_tenant_is_in_it(session: Session, book: Book) -> None:
    counted = Counter(table for table, _ in rows(session))
    act_as(session, "loyalty_app")
    assert counted == {
        one.name: count
        for one in EXPORTED
        if (count := session.scalar(text(f"SELECT count(*) FROM {one.name}")))
    }


def test_of_a_member_it_is_theirs_alone(session: Session, book: Book) -> None:
    told = rows(session, "ann")
    assert {row["member_id"] for table, row in told if table == "member"} == {"ann"}
    assert {row["account_id"] for _, row in told if row.get("account_id")} == {book.account}
    assert {table for table, _ in told} >= {
        "account",
        "activity",
        "adjustment",
        "award",
        "entry",
        "lot",
        "lot_draw",
        "member",
        "membership",
        "redemption",
        "segment_member",
        "unsettled",
    }
    text_form = json.dumps([row for _, row in told])
    assert not [name for name in ("gail", "gina", "eve", "finn") if f'"{name}' in text_form]


def test_who_was_merged_is_part_of_the_survivor(session: Session, book: Book) -> None:
    told = rows(session, "ivy-wine")
    assert {row["member_id"] for table, row in told if table == "member"} == {
        "ivy-wine",
        "gina-wine",
    }
    with pytest.raises(NotFound):
        rows(session, "nobody")


def test_it_is_of_one_instant_however_long_it_is_read(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program, "ann", 5)
    with snapshot(tenant.id) as session:
        reading = export(session, None)
        first = next(reading)
        with transaction(tenant.id) as other:
            give(other, program, 7)
            joined(other, program, "bob")
        told = [first, *reading]
    counted = Counter(table for table, _ in told)
    assert (counted["member"], counted["entry"], counted["adjustment"]) == (1, 1, 1)


def test_more_than_a_page_is_all_there(session: Session) -> None:
    program = opened(session)
    add = text(
        "INSERT INTO member (tenant_id, member_id, created_at)"
        " SELECT :tenant, 'm-' || n, now() FROM generate_series(1, :most) n"
    )
    most = PAGE * 2 + 1
    session.execute(add, {"tenant": session.info["tenant_id"], "most": most})
    names = [row["member_id"] for table, row in rows(session) if table == "member"]
    assert len(set(names)) == len(names) == most
    assert program.slug == "wine"


def test_lines_end_with_what_there_was(session: Session, book: Book) -> None:
    *lines, last = b"".join(ndjson(export(session, None))).splitlines()
    end = json.loads(last)
    assert end["type"] == "end"
    assert end["data"] == Counter(json.loads(line)["type"] for line in lines)


def test_a_zip_has_a_file_for_each_table(session: Session, book: Book) -> None:
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(export(session, None))))) as file:
        assert file.testzip() is None
        lines = file.read("member.ndjson").splitlines()
        assert "ann" in {json.loads(line)["member_id"] for line in lines}
        assert {name.removesuffix(".ndjson") for name in file.namelist()} == {
            table for table, _ in rows(session)
        }


def test_what_somebody_brought_back_is_theirs(session: Session, book: Book) -> None:
    counted = Counter(table for table, _ in rows(session, "dora"))
    assert counted["give_back"] == counted["give_back_verdict"] > 0
