"""Between JSON and plain dataclasses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from loyalty_client.problems import Garbled

Made = TypeVar("Made")


def read(kind: type[Made], told: object) -> Made:
    """What was told, as the dataclass `kind`. What `kind` does not know is passed over.

    Raises Garbled, which names what is missing or of another type.
    """
    made: Made = _read(kind, told, kind.__name__)
    return made


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, told: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _read_fields(kind, told, where)
    origin = get_origin(kind)
    if origin is UnionType:
        return None if told is None else _read(get_args(kind)[0], told, where)
    if origin is tuple:
        expect(told, list, where)
        return tuple(_read(get_args(kind)[0], one, where) for one in told)
    if origin is Mapping:
        return expect(told, dict, where)
    if kind in _FROM_TEXT:
        try:
            return _FROM_TEXT[kind](expect(told, str, where))
        except (ValueError, InvalidOperation):
            raise Garbled(f"{where} is {told!r}, which is no {kind.__name__}.") from None
    return expect(told, kind, where)


_FROM_TEXT: Mapping[Any, Any] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
}


def _read_fields(kind: Any, told: Any, where: str) -> Any:
    expect(told, dict, where)
    given: dict[str, Any] = {}
    for field in fields(kind):
        if field.name in told:
            inner = f"{where}.{field.name}"
            given[field.name] = _read(_types(kind)[field.name], told[field.name], inner)
        elif field.default is MISSING:
            raise Garbled(f"{where}.{field.name} is missing.")
    return kind(**given)


def expect(told: Any, kind: Any, where: str) -> Any:
    """What was told, if it is of the type. Raises Garbled; true and false are no ints."""
    if not isinstance(told, kind) or (kind is int and isinstance(told, bool)):
        raise Garbled(f"{where} is {str(told)[:100]!r}, which is no {kind.__name__}.")
    return told


def to_json(order: object) -> bytes:
    """An order as JSON; what is None in it is left out.

    Raises TypeError for money as a float, ValueError for an instant without an offset.
    """
    return json.dumps(order, default=_plain, allow_nan=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if is_dataclass(value):
        return _given(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON holds.")


def _given(order: Any) -> dict[str, object]:
    given = {}
    for field in fields(order):
        value = getattr(order, field.name)
        if isinstance(value, float):
            raise TypeError(f"{field.name} is a float: money is Decimal, int or text.")
        if value is not None:
            given[field.name] = value
    return given


def instant(value: datetime) -> str:
    """RFC 3339. Raises ValueError for an instant without an offset."""
    if value.utcoffset() is None:
        raise ValueError(f"{value} has no offset: which instant is it? Give it a time zone.")
    return value.isoformat()
