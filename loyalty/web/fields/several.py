"""Values that hold other values: bounded lists, and the tenant's own attributes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from marshmallow import fields

from loyalty.web.fields.base import Coded, refuse
from loyalty.web.fields.numbers import MAX_EXACT_INTEGER
from loyalty.web.fields.text import UNSTORABLE

MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_DEPTH = 4
MAX_NAME_LENGTH = 100
MAX_TEXT_LENGTH = 1000


class ListOf(Coded[list[Any]], fields.List[Any]):
    """A list of `least` to `most` items."""

    def __init__(
        self, inner: fields.Field[Any], *, most: int, least: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(inner, **kwargs)
        self.least, self.most = least, most
        self.document(minItems=least, maxItems=most)

    def _deserialize(self, value: object, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise refuse("not_a_list", "A list is expected.")
        if not self.least <= len(value) <= self.most:
            raise refuse("wrong_length", f"{self.least} to {self.most} items are expected.")
        return super()._deserialize(value, *args, **kwargs)


class Attributes(Coded[dict[str, Any]]):
    """Values of the tenant's own: an object of text, numbers, booleans, lists and objects.

    At most 100 values in all, four levels deep; names of 100, texts of 1000 characters; numbers
    that every JSON client reads exactly.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(type="object", additionalProperties=True, maxProperties=MAX_ATTRIBUTES)

    def _deserialize(self, value: object, *_: object, **__: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise refuse("not_an_object", "An object is expected.")
        for count, leaf in enumerate(_leaves(value, MAX_ATTRIBUTE_DEPTH)):
            if count >= MAX_ATTRIBUTES:
                raise refuse("too_many", f"At most {MAX_ATTRIBUTES} values are allowed in all.")
            _check(leaf)
        return value


def _leaves(value: object, levels: int) -> Iterator[object]:
    if not isinstance(value, (dict, list)):
        yield value
        return
    if levels == 0:
        raise refuse("too_deep", f"At most {MAX_ATTRIBUTE_DEPTH} levels are allowed.")
    if isinstance(value, dict):
        for name in value:
            _check_text(name, MAX_NAME_LENGTH)
    for inner in value.values() if isinstance(value, dict) else value:
        yield from _leaves(inner, levels - 1)


def _check(leaf: object) -> None:
    if isinstance(leaf, str):
        _check_text(leaf, MAX_TEXT_LENGTH)
    elif isinstance(leaf, (int, float)) and abs(leaf) <= MAX_EXACT_INTEGER:
        return
    elif isinstance(leaf, (int, float, Decimal)):  # a Decimal is what no float holds exactly
        raise refuse("not_exact", "Not every JSON client reads this number exactly; send text.")


def _check_text(text: str, most: int) -> None:
    if len(text) > most:
        raise refuse("too_long", f"At most {most} characters are allowed in {text[:20]!r}.")
    if UNSTORABLE.search(text):
        raise refuse("unstorable", "NUL and lone surrogates are not allowed.")
