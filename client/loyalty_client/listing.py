"""Lists: page after page, each read when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from loyalty_client.problems import Garbled
from loyalty_client.reading import expect, instant, read
from loyalty_client.wire import Wire

Row = TypeVar("Row")
Asked = str | int | bool | datetime | None

A_PAGE = 200


def rows(wire: Wire, path: str, kind: type[Row], **asked: Asked) -> Iterator[Row]:
    """Every row of the list, newest first."""
    after: str | None = None
    while True:
        query = query_of(**asked, limit=A_PAGE, after=after)
        page = expect(wire.get(path, query), dict, "the page")
        for row in expect(page.get("data"), list, "data"):
            yield read(kind, row)
        following = page.get("next")
        if following is None:
            return
        if following == after:
            raise Garbled("A page names itself as the next one.")
        after = expect(following, str, "next")


def query_of(**asked: Asked) -> dict[str, str]:
    """The query parameters; what is None is not asked for."""
    return {name: _text(value) for name, value in asked.items() if value is not None}


def _text(value: str | int | bool | datetime) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return instant(value) if isinstance(value, datetime) else str(value)


def segment(name: str) -> str:
    """A name as a part of a path. Raises ValueError for those that would lead elsewhere."""
    if name in {"", ".", ".."}:
        raise ValueError(f"{name!r} names nothing.")
    return quote(name, safe="")
