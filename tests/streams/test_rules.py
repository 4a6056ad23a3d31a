"""What is decided about messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loyalty.streams.rules import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    Record,
    dead_letter,
    next_offsets,
    next_wait_s,
)

_RECORDS = st.lists(
    st.builds(Record, st.just("t"), st.integers(0, 5), st.integers(0, 2**63 - 2)), max_size=50
)
_INVALID = {"code": "invalid", "detail": "A field.", "errors": [{"pointer": "/amount"}]}


@given(_RECORDS)
def test_the_next_offset_is_behind_every_record_and_no_further(records: list[Record]) -> None:
    offsets = next_offsets(records)
    assert set(offsets) == {record.partition for record in records}
    for partition, offset in offsets.items():
        read = [record.offset for record in records if record.partition == partition]
        assert max(read) + 1 == offset


def test_a_dead_letter_is_the_message_and_why() -> None:
    record = Record("buys", 3, 70, b"k", b"{", (("trace", b"x"), ("nothing", None)))
    letter = dead_letter(record, _INVALID)
    assert (letter.key, letter.value) == (b"k", b"{")
    assert letter.headers == (
        ("trace", b"x"),
        ("nothing", None),
        ("loyalty-reason", b"invalid"),
        ("loyalty-detail", b"A field."),
        ("loyalty-errors", b'[{"pointer": "/amount"}]'),
        ("loyalty-topic", b"buys"),
        ("loyalty-partition", b"3"),
        ("loyalty-offset", b"70"),
    )


def test_a_letter_that_was_dead_before_tells_the_new_reason_alone() -> None:
    first = dead_letter(Record("buys", 3, 70, headers=(("trace", b"x"),)), {"code": "unreadable"})
    again = dead_letter(Record("dead", 0, 1, headers=first.headers), {"code": "conflict"})
    told = dict(again.headers)
    assert len(told) == len(again.headers)
    assert (told["trace"], told["loyalty-reason"], told["loyalty-topic"]) == (
        b"x",
        b"conflict",
        b"dead",
    )


def test_a_letter_that_is_cut_short_says_where_the_message_stands() -> None:
    record = Record("buys", 3, 70, b"k", b"x" * 2_000_000, (("large", b"y" * 2_000_000),))
    short = dead_letter(record, {"code": "body_too_large", "detail": "z" * 2_000_000}).cut_short()
    told = dict(short.headers)
    assert (short.key, short.value) == (None, None)
    assert (told["loyalty-reason"], told["loyalty-offset"]) == (b"body_too_large", b"70")
    assert told["loyalty-cut-short"] == b"true"
    assert sum(len(name) + len(value or b"") for name, value in short.headers) < 1000


def test_waits_grow_to_a_limit() -> None:
    waits = [FIRST_WAIT_S]
    while waits[-1] < LONGEST_WAIT_S:
        waits.append(next_wait_s(waits[-1]))
    assert waits == [0.25, 0.5, 1, 2, 4, 8, 10]
    assert next_wait_s(LONGEST_WAIT_S) == LONGEST_WAIT_S
