"""JSON, read strictly: one meaning, or a refusal that points at what is wrong.

The fast parser is used where it is exact; whatever it doubts or refuses, the slow one decides.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import orjson

from loyalty.errors import FieldError, Problem

MAX_DEPTH = 32
_LEVEL_OF_ITEMS = 2
#: From here on a double no longer holds four decimals: those numbers are read as Decimal.
_INEXACT_FROM = 1e11


_LONGEST_POINTER = 200


class Unreadable(Problem):
    """400: this is not the JSON, or not the request, that could be read."""

    status = 400
    code = "unreadable"
    title = "The request cannot be read"
    cure = "Send one JSON value in UTF-8: names once each, no NaN, numbers within reason."


class _Doubtful(Exception):
    """The fast parser may have read something else than what was sent."""


class _Twice(dict[str, Any]):
    """An object in which `name` appeared twice."""

    name: str


class _NoNumber:
    """NaN, Infinity, or a number that overflows to it."""


def read_json(raw: bytes, items_of: str | None = None) -> Any:
    """The value that `raw` holds. Raises Unreadable.

    Numbers are int or float, and Decimal where a float would not be exact. In an object's list
    `items_of` an item that has more or less than one meaning stands as a problem in its place.
    """
    if b"\\" not in raw:
        try:
            value = orjson.loads(raw)
            if raw.count(b":") == _colons(value, MAX_DEPTH):  # else a name stands there twice
                return value
        except (orjson.JSONDecodeError, _Doubtful):
            pass
    return _read_slowly(raw, items_of)


def _colons(value: Any, levels: int) -> int:
    """How many colons the text of `value` has, if no name was lost and nothing is escaped."""
    kind = type(value)
    if kind is str:
        return int(value.count(":"))
    if kind is float and not -_INEXACT_FROM < value < _INEXACT_FROM:
        raise _Doubtful
    if kind is not dict and kind is not list:
        return 0
    if not levels:
        raise _Doubtful
    colons = 0
    if kind is dict:
        colons = len(value) + "".join(value).count(":")
        value = value.values()
    for inner in value:
        colons += inner.count(":") if type(inner) is str else _colons(inner, levels - 1)
    return colons


def _read_slowly(raw: bytes, items_of: str | None) -> Any:
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_float=_float,
            parse_constant=lambda _: _NoNumber(),
        )
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    except RecursionError:
        raise Unreadable(f"More than {MAX_DEPTH} levels are nested.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        fault = error.msg.removesuffix(" at")
        raise Unreadable(f"The body is not JSON: {fault} at {where}.") from None
    except ValueError:  # thousands of digits
        raise Unreadable("A number has too many digits.") from None
    if isinstance(value, dict) and isinstance(items := value.get(items_of), list):
        value[items_of] = [_unflawed(one) for one in items]
    for flaw in _flaws(value, (), MAX_DEPTH):
        raise Unreadable(flaw.detail, errors=[flaw])
    return value


def _unflawed(item: object) -> object:
    for flaw in _flaws(item, (), MAX_DEPTH - _LEVEL_OF_ITEMS):
        return Unreadable(flaw.detail, errors=[flaw])
    return item


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    twice = _Twice(value)
    [(twice.name, _)] = Counter(name for name, _ in pairs).most_common(1)
    return twice


def _float(digits: str) -> float | Decimal | _NoNumber:
    number = float(digits)
    if abs(number) < _INEXACT_FROM:
        return number
    return _NoNumber() if number in (float("inf"), float("-inf")) else Decimal(digits)


def _flaws(value: object, path: tuple[str | int, ...], levels: int) -> Iterator[FieldError]:
    if isinstance(value, _NoNumber):
        yield FieldError(pointer(path), "not_a_number", "This is no number that JSON knows.")
    if not isinstance(value, (dict, list)):
        return
    if not levels:
        yield FieldError(pointer(path), "too_deep", f"More than {MAX_DEPTH} levels are nested.")
        return
    if isinstance(value, _Twice):
        yield FieldError(pointer((*path, value.name)), "named_twice", "This name appears twice.")
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _flaws(inner, (*path, name), levels - 1)


def pointer(path: Sequence[str | int]) -> str:
    """The RFC 6901 pointer of `path`, always printable as UTF-8 without NUL."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    text = "".join(f"/{step}" for step in steps)[:_LONGEST_POINTER]
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")
