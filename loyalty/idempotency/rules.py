"""When two inputs are the same input: by their values, not by their bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID


def input_hash(value: object) -> bytes:
    """The SHA-256 of `value`: objects and lists of text, numbers, booleans, ids, instants and None.

    12.5 and "12.50" as Decimal, 5 and 5.0, an instant in any offset, keys in any order: the same.
    """
    canonical = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def _plain(value: object) -> object:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return _plain(Decimal(str(value)))
    if isinstance(value, Decimal):
        return int(value) if value % 1 == 0 else {"decimal": format(value.normalize(), "f")}
    if isinstance(value, datetime):
        return {"instant": value.astimezone(UTC).isoformat()}
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")
