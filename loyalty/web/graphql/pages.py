"""Pages and arguments: REST's lists and REST's schemas, so that both doors read alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import marshmallow
from strawberry import UNSET

from loyalty.errors import Invalid
from loyalty.web.body import load
from loyalty.web.graphql.asking import Asking
from loyalty.web.lists import MAX_LIMIT

DEFAULT_FIRST = 50

Row = TypeVar("Row")


def plain(value: Any) -> Any:
    """An input as the JSON that REST would have got: without what was left out, or is null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        return {
            name: plain(inner)
            for name, inner in value.items()
            if inner is not UNSET and inner is not None
        }
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.value if isinstance(value, Enum) else value


def arguments(schema: marshmallow.Schema, **given: Any) -> dict[str, Any]:
    """The arguments as a schema of REST loads them. Raises Invalid, which names each wrong one."""
    loaded: dict[str, Any] = load(schema, plain(given))
    return loaded


def rows_of(
    asking: Asking,
    first: int,
    read: Callable[[int], Sequence[Row]],
    key: Callable[[Row], str | int | UUID],
) -> tuple[Sequence[Row], str | None]:
    """A page of `first` rows, and `after` what the next one begins; `read` reads up to so many.

    Raises Invalid, TooManyRows.
    """
    if not 1 <= first <= MAX_LIMIT:
        raise Invalid.field("/first", "out_of_range", f"1 to {MAX_LIMIT} are told at a time.")
    asking.count(first)
    rows = read(first + 1)
    following = str(key(rows[first - 1])) if len(rows) > first else None
    return rows[:first], following
