"""A file as it comes in: NDJSON or CSV, read line by line, so that its size does not matter."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from loyalty.errors import Invalid, Problem
from loyalty.jobs.imports.lines import Line, refused
from loyalty.jobs.imports.records import Record, What
from loyalty.web.batch import named
from loyalty.web.body import load
from loyalty.web.import_schema import COLUMNS, KEYS, LINES, NESTED, WHOLE
from loyalty.web.strict_json import Unreadable, read_json

Form = Literal["csv", "ndjson"]
MOST_LINE_BYTES = 64 * 1024
_READ_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t"
_NUMBER = re.compile(r"-?[0-9]{1,19}")


class Stream(Protocol):
    """What bytes are read from: a file, the body of a request."""

    def read(self, size: int, /) -> bytes:
        """At most so many; none at the end."""


def lines_of(stream: Stream, form: Form, what: What) -> Iterator[Line]:
    """The lines that say something, each with what it says or why it cannot be read.

    Raises Invalid for a CSV file whose first line names no columns that are known.
    """
    read = _csv if form == "csv" else _ndjson
    for number, given in read(stream, what):
        if isinstance(given, Problem):
            yield Line(number, refused(number, f"line {number}", given))
            continue
        try:
            said: Record = load(LINES[what], given)
            yield Line(number, said)
        except Problem as problem:
            about = " ".join(filter(None, (named(given, name) for name in KEYS[what])))
            yield Line(number, refused(number, about or f"line {number}", problem))


def _ndjson(stream: Stream, _: What) -> Iterator[tuple[int, Any]]:
    for number, raw in enumerate(_physical(stream), 1):
        if raw is None:
            yield number, _too_long()
        elif raw.strip():
            try:
                yield number, read_json(raw)
            except Unreadable as problem:
                yield number, problem


def _csv(stream: Stream, what: What) -> Iterator[tuple[int, Any]]:
    """Each record by the columns of the first, as the object that a line of NDJSON would be."""
    text = _Text(stream)
    delimiter, first = _first(text)
    names = _columns(first, what)
    records = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        text.forget()
        number = text.number + 1
        try:
            cells = next(records, None)
        except csv.Error as error:
            yield number, Unreadable(f"This is no CSV: {error}.")
            continue
        if cells is None:
            return
        if text.trouble is not None:
            yield number, text.trouble
        elif len(cells) == len(names):
            yield number, _object(dict(zip(names, cells, strict=True)), what)
        elif cells:
            yield number, Unreadable(f"{len(names)} columns are expected, here are {len(cells)}.")


def _first(text: _Text) -> tuple[str, list[str]]:
    """What parts the cells, and the cells of the first line. Raises Unreadable."""
    first = next(text, None)
    if first is None:
        raise Unreadable("The file says nothing.")
    if text.trouble is not None:
        raise text.trouble
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        return delimiter, next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        raise Unreadable("The first line is no CSV; lines end with LF or CR LF.") from None


def _columns(names: Sequence[str], what: What) -> list[str]:
    found = [name.strip() for name in names] or [""]
    for number, name in enumerate(found):
        head, dot, _ = name.partition(".")
        if name not in COLUMNS[what] and not (dot and head in NESTED[what]):
            known = ", ".join([*COLUMNS[what], *(f"{one}.…" for one in NESTED[what])])
            detail = f"The first line names a column {name[:50]!r}; known are {known}."
            raise Invalid.field(f"/{number}", "unknown_column", detail)
        if found.index(name) != number:
            detail = f"The column {name!r} stands there twice."
            raise Invalid.field(f"/{number}", "named_twice", detail)
    return found


def _object(cells: Mapping[str, str], what: What) -> dict[str, Any]:
    """An empty cell says nothing; attributes are text."""
    given: dict[str, Any] = {}
    for name, cell in cells.items():
        head, dot, rest = name.partition(".")
        if not cell:
            continue
        if head == "identifier" and dot:
            one = {"kind": rest, "value": cell}
            if what == "members":
                given.setdefault("identifiers", []).append(one)
            else:
                given["identifier"] = one
        elif dot:
            given.setdefault(head, {})[rest] = cell
        elif name in WHOLE and _NUMBER.fullmatch(cell):
            given[name] = int(cell)
        else:
            given[name] = cell
    return given


class _Text:
    """Lines of text with their ends, as the csv module wants them; `number` is the last one's.

    `trouble` is why one of them could not be read since the last `forget`.
    """

    def __init__(self, stream: Stream) -> None:
        self._lines = _physical(stream)
        self.number = 0
        self.forget()

    def forget(self) -> None:
        """Another record begins."""
        self.trouble: Problem | None = None

    def __iter__(self) -> _Text:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.number += 1
        if raw is None:
            self.trouble = _too_long()
            return "\n"
        try:
            return raw.decode() + "\n"
        except UnicodeDecodeError:
            self.trouble = Unreadable("This is not UTF-8: save the file as UTF-8.")
            return raw.decode(errors="replace") + "\n"


def _physical(stream: Stream) -> Iterator[bytes | None]:
    """The lines without their ends, of which never more than a piece is held; None: too long."""
    rest, skipping, first = b"", False, True
    while piece := stream.read(_READ_BYTES):
        if first:
            piece, first = piece.removeprefix(_BOM), False
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield None if skipping or len(line) > MOST_LINE_BYTES else line
            skipping = False
        if len(rest) > MOST_LINE_BYTES:
            rest, skipping = b"", True
    if rest or skipping:
        yield None if skipping else rest


def _too_long() -> Problem:
    return Unreadable(f"A line has at most {MOST_LINE_BYTES} bytes.")
