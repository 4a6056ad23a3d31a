"""JSON has one meaning here, or none."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.web.strict_json import MAX_DEPTH, Unreadable, pointer, read_json


@pytest.mark.parametrize(
    ("raw", "where", "code"),
    [
        (b'{"a":1,"a":2}', "/a", "named_twice"),
        (b'{"a":1,"a" :2}', "/a", "named_twice"),
        (b'{"a":1,"\\u0061":2}', "/a", "named_twice"),
        (b'{"a":1,"b":"\\u003a","a":2}', "/a", "named_twice"),
        (b'{"x":[{"a":1},{"a":1,"a":1}]}', "/x/1/a", "named_twice"),
        (b'{"a/b":{"~":1,"~":2}}', "/a~1b/~0", "named_twice"),
        (b'{"t":"12:00:00","t":"12:00:00"}', "/t", "named_twice"),
        (b'{"a":NaN}', "/a", "not_a_number"),
        (b'{"a":[1,Infinity]}', "/a/1", "not_a_number"),
        (b'{"a":-Infinity}', "/a", "not_a_number"),
        (b'{"a":1e400}', "/a", "not_a_number"),
        (b'{"a":-1E99999999}', "/a", "not_a_number"),
        (b"[" * 33 + b"]" * 33, "/0" * MAX_DEPTH, "too_deep"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "/a" * MAX_DEPTH, "too_deep"),
    ],
)
def test_what_is_wrong_is_pointed_at(raw: bytes, where: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_json(raw)
    [error] = refused.value.errors
    assert (error.pointer, error.code) == (where, code)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{]",
        b"[1,]",
        b'{"a":1}{',
        b'{"a":1} x',
        b"{'a':1}",
        b'"a\nb"',
        b'"\\x"',
        b"\xff\xfe{}",
        b'"\xc3"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b"01",
        b"+1",
        b".5",
        b"0x10",
        b"True",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"1" * 5_000,
    ],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read_json(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"[12.50, 1e2, -0.0, 5]", [12.5, 100.0, 0.0, 5]),
        (b'{"m":999999999999.9999}', {"m": Decimal("999999999999.9999")}),
        (b'{"m":123456789012.0001}', {"m": Decimal("123456789012.0001")}),
        (b"9007199254740993", 9007199254740993),
        (b'{"a":{"b:c":["x:y"]}}', {"a": {"b:c": ["x:y"]}}),
        ('{"name":"Žofie \\u00e9 🍷"}'.encode(), {"name": "Žofie é 🍷"}),
        (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
        (b"null", None),
    ],
)
def test_what_is_json_is_read(raw: bytes, value: object) -> None:
    assert read_json(raw) == value


def test_an_item_that_is_wrong_spoils_no_other() -> None:
    deep = b"[" * 31 + b"]" * 31
    items = [b'{"a":NaN}', b'{"a":1}', b'{"b":[{"a":1,"a":2}]}', b"1e400", deep, b'{"a":1.5}']
    read = read_json(b'{"items":[' + b",".join(items) + b"]}", "items")["items"]
    assert [one for one in read if not isinstance(one, Unreadable)] == [{"a": 1}, {"a": 1.5}]
    assert [
        [(error.pointer, error.code) for error in one.errors]
        for one in read
        if isinstance(one, Unreadable)
    ] == [
        [("/a", "not_a_number")],
        [("/b/0/a", "named_twice")],
        [("", "not_a_number")],
        [("/0" * 30, "too_deep")],
    ]


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b'{"items":[{"a":1}],"items":[]}', "/items"),
        (b'{"items":{"a":NaN}}', "/items/a"),
        (b'{"items":[],"other":NaN}', "/other"),
        (b'[{"items":[NaN]}]', "/0/items/0"),
    ],
)
def test_what_is_wrong_beside_the_items_spoils_the_whole(raw: bytes, where: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_json(raw, "items")
    assert [error.pointer for error in refused.value.errors] == [where]


def test_a_lone_surrogate_is_left_to_the_field_that_can_name_it() -> None:
    assert read_json(b'{"a":"\\ud800"}') == {"a": "\ud800"}


def test_a_pointer_can_always_be_written() -> None:
    assert pointer(["a/b", 0, "~", "\ud800", "\0"]) == "/a~1b/0/~0/\\ud800/\\x00"
    pointer(["\ud800" * 1000]).encode()


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e10, 1e10)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON, st.booleans(), st.booleans())
def test_both_parsers_read_what_json_writes(value: object, escaped: bool, spaced: bool) -> None:
    separators = (" , ", " : ") if spaced else (",", ":")
    text = json.dumps(value, ensure_ascii=escaped, separators=separators)
    assert read_json(text.encode()) == value


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), _JSON, min_size=1),
    st.data(),
)
def test_no_name_stands_twice_unnoticed(value: dict[str, object], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(sorted(value)))
    pairs = [*value.items(), (twice, data.draw(_JSON))]
    members = ", ".join(f"{json.dumps(name)}: {json.dumps(inner)}" for name, inner in pairs)
    with pytest.raises(Unreadable) as refused:
        read_json(f"{{{members}}}".encode())
    assert [error.code for error in refused.value.errors] == ["named_twice"]
