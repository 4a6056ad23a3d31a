"""Objects whose inside a room of the trade reads itself, and refuses with its own pointers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marshmallow import fields

from loyalty.web.fields.base import Coded, refuse
from loyalty.web.fields.text import UNSTORABLE


class Tree(Coded[dict[str, object]], fields.Dict):
    """An object that the room behind the door reads: conditions, a rule, a fixture."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(type="object", additionalProperties=True)

    def _deserialize(self, value: object, *_: object, **__: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise refuse("not_an_object", "An object is expected.")
        if UNSTORABLE.search("".join(_texts(value))):
            raise refuse("unstorable", "NUL and lone surrogates are not allowed.")
        return value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
