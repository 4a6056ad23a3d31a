"""Lists: `{data, next}`, newest first, by keyset; `next` is also a Link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import urlencode
from uuid import UUID

import marshmallow
from flask import request

from loyalty.web.fields import EntryId, Id, ListOf, Part, QueryInteger, Schema, Text

MAX_LIMIT = 200
_DEFAULT_LIMIT = 50

Row = TypeVar("Row")


#: What is told of every `after`.
AFTER = {"description": "`next` of the page before this one."}


class Limited(Schema):
    """What every list takes; each adds its own `after` and filters."""

    limit = QueryInteger(least=1, most=MAX_LIMIT, load_default=_DEFAULT_LIMIT)


class ListById(Limited):
    """The query of a list whose rows have a UUID."""

    after = Id(load_default=None, allow_none=False, metadata=AFTER)


class ListByNumber(Limited):
    """The query of a list whose rows have a number."""

    after = QueryInteger(load_default=None, allow_none=False, metadata=AFTER)


class ListByEntry(Limited):
    """The query of a list of entries."""

    after = EntryId(load_default=None, allow_none=False, metadata=AFTER)


def page_schema(item: type[marshmallow.Schema]) -> type[Schema]:
    """The schema of a page of `item`s."""
    fields: dict[str, Any] = {
        "data": ListOf(Part(item), most=MAX_LIMIT, required=True),
        "next": Text(required=True, allow_none=True, metadata={"description": "`?after=`"}),
    }
    name = f"{item.__name__.removesuffix('Schema')}Page"
    return cast("type[Schema]", Schema.from_dict(fields, name=name))


def page(
    rows: Sequence[Row], limit: int, key: Callable[[Row], str | int | UUID]
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The answer of a list view that read `limit + 1` rows; `key` gives what comes after a row."""
    shown = rows[:limit]
    if len(rows) <= limit:
        return {"data": shown, "next": None}, 200, {}
    following = str(key(shown[-1]))
    query = urlencode({**request.args.to_dict(flat=False), "after": following}, doseq=True)
    return (
        {"data": shown, "next": following},
        200,
        {"Link": f'<{request.path}?{query}>; rel="next"'},
    )
