"""When two inputs are the same input: by their values, not by their bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID


def input_hash(value: object) -> bytes:
    """The SHA-256 of objects and lists of text, numbers, booleans, ids, instants, days and None.

    12.5 and Decimal("12.50"), 5 and 5.0, an instant in any offset, names in any order: the same.
    Raises TypeError for anything else.
    """
    return hashlib.sha256(_canonical(value).encode(errors="surrogatepass")).digest()


def _canonical(value: object) -> str:
    """A text that only equal values share: only strings are quoted, each other kind has its own."""
    if isinstance(value, str):
        return json.dumps(value)
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float, Decimal)):
        return _number(Decimal(str(value)) if isinstance(value, float) else Decimal(value))
    if isinstance(value, datetime):
        return f"instant {value.astimezone(UTC).isoformat()}"
    if isinstance(value, date):
        return f"day {value.isoformat()}"
    if isinstance(value, UUID):
        return f"id {value}"
    if isinstance(value, Mapping):
        pairs = sorted((json.dumps(name), _canonical(inner)) for name, inner in value.items())
        return f"{{{','.join(f'{name}:{inner}' for name, inner in pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_canonical, value))}]"
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _number(number: Decimal) -> str:
    sign, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).lstrip("0")
    shortest = significant.rstrip("0")
    if not shortest:
        return "0"
    return f"{'-' * sign}{shortest}e{int(exponent) + len(significant) - len(shortest)}"
