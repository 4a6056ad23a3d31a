"""Files are read line by line: CSV says the same as NDJSON, and each bad line says why."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.care.bring_members import Brought
from loyalty.care.open_balances import Opening
from loyalty.earning.accept import Earn
from loyalty.errors import Invalid
from loyalty.jobs.imports.lines import Line
from loyalty.jobs.imports.records import Code, Record, What, from_json, to_json
from loyalty.jobs.step import Refused
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.web.import_lines import MOST_LINE_BYTES, Form, lines_of
from loyalty.web.strict_json import Unreadable

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class _Slow(io.BytesIO):
    """Gives a few bytes at a time, wherever a line or a letter ends."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(7, size or 7))


def read(text: str | bytes, form: Form, what: What) -> list[Line]:
    """The lines of a file."""
    raw = text.encode() if isinstance(text, str) else text
    return list(lines_of(_Slow(raw), form, what))


def refusals(lines: list[Line]) -> list[tuple[int, str, str]]:
    """Line, subject and code of those that were refused."""
    return [
        (line.number, line.said.subject, line.said.code)
        for line in lines
        if isinstance(line.said, Refused)
    ]


def test_a_member_in_csv_and_in_ndjson() -> None:
    [line] = read(
        "\ufeffmember_id;name;identifier.card;identifier.email;attributes.city;tier;joined_at\r\n"
        '"ann";"Ann; ""A""";C-7;;"Köln";gold;2026-07-01T14:00:00+02:00\r\n',
        "csv",
        "members",
    )
    who = NewMember("ann", (Identifier("card", "C-7"),), 'Ann; "A"', attributes={"city": "Köln"})
    assert line == Line(2, Brought(who, NOON, "gold"))
    told = {
        "member_id": "ann",
        "name": 'Ann; "A"',
        "identifiers": [{"kind": "card", "value": "C-7"}],
        "attributes": {"city": "Köln"},
        "tier": "gold",
        "joined_at": "2026-07-01T12:00:00Z",
    }
    assert read(json.dumps(told), "ndjson", "members") == [Line(1, line.said)]


def test_a_balance_a_purchase_and_a_code() -> None:
    assert read(
        "reference,member_id,points,expires_at\n1,ann,100,never\n2,ann,7,2026-07-01T12:00:00Z\n",
        "csv",
        "balances",
    ) == [
        Line(2, Opening("1", "ann", 100, never_expires=True)),
        Line(3, Opening("2", "ann", 7, expires_at=NOON)),
    ]
    [line] = read(
        "source,transaction_id,identifier.card,amount,currency,occurred_at,store\n"
        "till-1,t-1,C-7,12.50,USD,2026-07-01T12:00:00Z,s-1\n",
        "csv",
        "purchases",
    )
    assert line.said == Earn(
        "till-1",
        "t-1",
        "purchase",
        NOON,
        identifier=("card", "C-7"),
        amount=Decimal("12.5000"),
        currency="USD",
        body={"store": "s-1"},
    )
    assert read("code,reward\nABC,mug\n", "csv", "vouchers") == [Line(2, Code("mug", "ABC"))]


def test_each_bad_line_says_why_and_the_others_are_read() -> None:
    lines = read(
        b"reference,member_id,points\n"
        b"1,ann,100\n"
        b"2,ann,ten\n"
        b"3,ann\n"
        b"4,ann,0\n"
        b"\n"
        b"5,a b,1\n"
        b'6,"ann"x,1\n'
        b"7," + b"a" * MOST_LINE_BYTES + b",1\n"
        b"8\xff,ann,1\n"
        b'"9\n9",ann,1\n'
        b'"10\n' + b"a" * MOST_LINE_BYTES + b'\n"x,ann,1\n'
        b"11,ann,1",
        "csv",
        "balances",
    )
    assert refusals(lines) == [
        (3, "2", "not_an_integer"),
        (4, "line 4", "unreadable"),
        (5, "4", "too_small"),
        (7, "5", "malformed"),
        (8, "line 8", "unreadable"),
        (9, "line 9", "unreadable"),
        (10, "line 10", "unreadable"),
        (13, "line 13", "unreadable"),
    ]
    assert [line.number for line in lines if not isinstance(line.said, Refused)] == [2, 11, 16]
    told = {line.number: line.said.detail for line in lines if isinstance(line.said, Refused)}
    assert told[9].startswith("A line has at most")
    assert told[10] == "This is not UTF-8: save the file as UTF-8."
    assert told[13].startswith("This is no CSV")


def test_a_line_of_ndjson_that_is_none() -> None:
    good = '{"reward": "mug", "code": "A"}'
    lines = read(
        f'{good}\nno\n{{"reward": "mug"}}\n\n{good[:-1]}, "x": 1}}\n[]', "ndjson", "vouchers"
    )
    assert refusals(lines) == [
        (2, "line 2", "unreadable"),
        (3, "mug", "required"),
        (5, "mug A", "unknown_field"),
        (6, "line 6", "not_an_object"),
    ]


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("member_id,nmae", "unknown_column"),
        ("member_id,items.x", "unknown_column"),
        ("member_id,name,name", "named_twice"),
        ("", "unknown_column"),
    ],
)
def test_a_first_line_that_names_no_known_columns_refuses_the_file(first: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(f"{first}\nann,Ann\n", "csv", "members")
    assert refused.value.errors[0].code == code


@pytest.mark.parametrize(
    ("file", "detail"),
    [
        (b"", "The file says nothing."),
        (b"member_id,name\rann,Ann\r", "The first line is no CSV; lines end with LF or CR LF."),
        ("member_id,name\nann,Ann\n".encode("utf-16"), "This is not UTF-8"),
        (b"member_id," + b"a" * MOST_LINE_BYTES + b"\nann,Ann\n", "A line has at most"),
    ],
)
def test_a_file_that_is_no_csv_is_told_so(file: bytes, detail: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(file, "csv", "members")
    assert refused.value.detail.startswith(detail)


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=20)


@given(name=_TEXT, city=_TEXT, card=_TEXT)
def test_csv_says_what_ndjson_says(name: str, city: str, card: str) -> None:
    cells = {"member_id": "ann", "name": name, "identifier.card": card, "attributes.city": city}
    file = io.StringIO()
    writer = csv.DictWriter(file, cells, lineterminator="\n")
    writer.writeheader()
    writer.writerow(cells)
    told = {
        "member_id": "ann",
        "name": name,
        "identifiers": [{"kind": "card", "value": card}],
        "attributes": {"city": city},
    }
    [one] = read(file.getvalue(), "csv", "members")
    [other] = read(json.dumps(told), "ndjson", "members")
    assert one.said == other.said


_INSTANT = st.none() | st.datetimes(timezones=st.just(UTC))
_RECORDS: st.SearchStrategy[tuple[What, Record]] = st.one_of(
    st.tuples(
        st.just("balances"),
        st.builds(Opening, _TEXT, _TEXT, st.integers(1), st.integers(0), _INSTANT, _INSTANT),
    ),
    st.tuples(st.just("vouchers"), st.builds(Code, _TEXT, _TEXT, _INSTANT)),
    st.tuples(
        st.just("purchases"),
        st.builds(
            Earn,
            _TEXT,
            _TEXT,
            st.just("purchase"),
            st.datetimes(timezones=st.just(UTC)),
            member_id=st.none() | _TEXT,
            identifier=st.none() | st.tuples(_TEXT, _TEXT),
            amount=st.none() | st.decimals(0, 10**9, places=4),
            currency=st.none() | _TEXT,
        ),
    ),
    st.tuples(
        st.just("members"),
        st.builds(
            Brought,
            st.builds(
                NewMember,
                _TEXT,
                st.tuples(st.builds(Identifier, _TEXT, _TEXT)),
                st.none() | _TEXT,
                st.none() | st.dates(),
                attributes=st.dictionaries(_TEXT, _TEXT | st.integers(-9, 9)),
            ),
            _INSTANT,
            st.none() | _TEXT,
        ),
    ),
)


@given(_RECORDS)
def test_a_record_waits_as_json_and_is_the_same_again(told: tuple[What, Record]) -> None:
    what, record = told
    assert from_json(what, json.loads(json.dumps(to_json(record)))) == record
