"""Batches: JSON or NDJSON, up to 1000 items, each with an outcome of its own, in order."""

from __future__ import annotations

from typing import Any

from flask import request
from marshmallow import ValidationError

from loyalty.errors import Invalid, Problem
from loyalty.web.body import json_body, ndjson_body
from loyalty.web.fields import Text

MOST_ITEMS = 1000
MOST_BATCH_BYTES = 5 * 1024 * 1024
NDJSON = "application/x-ndjson"
_TOLD = Text(required=True)


def read_items(name: str) -> list[Any]:
    """The items of the request, not yet looked at: lines, or the list that the body has as `name`.

    What cannot be read of a line, or means two things in an item, stands in its place as a problem.
    Raises what makes the whole unreadable.
    """
    if request.mimetype == NDJSON:
        return ndjson_body(MOST_BATCH_BYTES, MOST_ITEMS)
    body = json_body(MOST_BATCH_BYTES, name)
    items = body.get(name) if isinstance(body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise Invalid.field(f"/{name}", "wrong_length", f"1 to {MOST_ITEMS} items are expected.")
    if len(body) > 1:
        [unknown, *_] = (other for other in body if other != name)
        raise Invalid.field(f"/{unknown}", "unknown_field", "This field is not known here.")
    return items


def named(given: Any, name: str) -> str | None:
    """What the item says under `name`, if that can stand in an answer: half a character can't."""
    value = given.get(name) if isinstance(given, dict) else None
    try:
        _TOLD.deserialize(value)
    except ValidationError:
        return None
    return str(value)


def refused(problem: Problem) -> dict[str, Any]:
    """The outcome of an item that was refused."""
    told: dict[str, Any] = {
        "outcome": "invalid",
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.errors:
        told["errors"] = [
            {"pointer": error.pointer, "code": error.code, "detail": error.detail}
            for error in problem.errors
        ]
    return told
