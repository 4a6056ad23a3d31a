"""What a request carries, read in one place: its JSON body, its query, and what a schema says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import marshmallow
from flask import Request, request
from marshmallow import ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from loyalty.errors import FieldError, Invalid, Problem
from loyalty.web.fields import Refusal
from loyalty.web.strict_json import Unreadable, pointer, read_json

MAX_BODY_BYTES = 64 * 1024
_MOST_ERRORS = 50
_LONGEST_NAME = 100


class UnsupportedMediaType(Problem):
    """415: only JSON is read here."""

    status = 415
    code = "unsupported_media_type"
    title = "This kind of content is not read here"
    cure = "Send JSON with `Content-Type: application/json`."


def json_body(most_bytes: int = MAX_BODY_BYTES, items_of: str | None = None) -> Any:
    """The JSON value in the request's body; in its list `items_of` as `read_json` tells.

    Raises UnsupportedMediaType, Unreadable, and werkzeug's RequestEntityTooLarge.
    """
    mimetype = request.mimetype
    if mimetype != "application/json" and not mimetype.endswith("+json"):
        raise UnsupportedMediaType(f"{mimetype or 'A body without Content-Type'} is not read here.")
    raw = _raw_body(most_bytes)
    if not raw:
        raise Unreadable("A JSON body is expected, and there is none.")
    return read_json(raw, items_of)


def ndjson_body(most_bytes: int, most_lines: int) -> list[Any]:
    """The JSON value of each line; where a line cannot be read, the problem in its place.

    Raises Unreadable for no lines or too many, and werkzeug's RequestEntityTooLarge.
    """
    lines = [line for line in _raw_body(most_bytes).split(b"\n") if line.strip()]
    if not 1 <= len(lines) <= most_lines:
        raise Unreadable(f"1 to {most_lines} lines are expected, there are {len(lines)}.")
    return [_line(line) for line in lines]


def _raw_body(most_bytes: int) -> bytes:
    # One more than is allowed: of a chunked body werkzeug would drop the rest and say nothing.
    request.max_content_length = most_bytes + 1
    raw = request.get_data(cache=False)
    if len(raw) > most_bytes:
        raise RequestEntityTooLarge
    return raw


def _line(line: bytes) -> Any:
    try:
        return read_json(line)
    except Unreadable as problem:
        return problem


def query_values(
    req: Request = request, several: Collection[str] = ()
) -> dict[str, str | list[str]]:
    """The query parameters, as text; those named in `several` as lists of it.

    Raises Invalid for another one that stands there twice.
    """
    for name, values in req.args.lists():
        if len(values) > 1 and name not in several:
            where = query_pointer(name)
            raise Invalid.field(where, "named_twice", f"{where}= stands there twice.")
    lists = {name: req.args.getlist(name) for name in several if name in req.args}
    return {**req.args.to_dict(), **lists}


def load(schema: marshmallow.Schema, value: object) -> Any:
    """`value` as the schema loads it. Raises Invalid, which names each wrong field."""
    try:
        return schema.load(value)  # type: ignore[arg-type]  # what is no object, it refuses itself
    except ValidationError as error:
        raise invalid(list(field_errors(error.messages))) from None


def query_pointer(name: str) -> str:
    """How a refusal names the query parameter, whatever the caller made of its name."""
    return "?" + name[:_LONGEST_NAME].replace("\0", "\\x00")


def load_query(schema: marshmallow.Schema) -> Any:
    """The query parameters as the schema loads them. Raises Invalid, which names each wrong one."""
    try:
        return schema.load(query_values())
    except ValidationError as error:
        raise _invalid_query(error.messages) from None


def _invalid_query(messages: object) -> Invalid:
    return invalid(
        [
            FieldError(query_pointer(str(where[0])), _code(refusal), str(refusal))
            for where, refusal in _refusals(messages, ())
        ]
    )


def invalid(errors: Sequence[FieldError]) -> Invalid:
    """The problem that tells these errors."""
    count = "One value is" if len(errors) == 1 else f"{len(errors)} values are"
    return Invalid(f"{count} not valid: see `errors`.", errors=errors[:_MOST_ERRORS])


def field_errors(messages: object, path: tuple[str | int, ...] = ()) -> Iterator[FieldError]:
    """A ValidationError's `messages` about the value that stands at `path` in the document."""
    for where, refusal in _refusals(messages, path):
        yield FieldError(pointer(where), _code(refusal), str(refusal))


def _refusals(
    messages: object, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _refusals(inner, path if name == "_schema" else (*path, name))
    elif isinstance(messages, (list, tuple)):
        for inner in messages:
            yield from _refusals(inner, path)
    else:
        yield path, messages


def _code(refusal: object) -> str:
    return refusal.code if isinstance(refusal, Refusal) else "invalid"


class StrictParser(FlaskParser):
    """Reads the arguments of `@resource.arguments(…)`: nothing unknown, nothing twice."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 - RAISE

    def load_json(self, _: Request, __: marshmallow.Schema) -> Any:
        """The body."""
        return json_body()

    def load_querystring(self, req: Request, schema: marshmallow.Schema) -> Any:
        """The query parameters, as text."""
        return query_values(req, getattr(schema, "several", ()))

    def handle_error(
        self, error: ValidationError, req: Request, schema: object, **_: object
    ) -> NoReturn:
        """Refuses, with the place of each error: `/items/0` in a body, `?limit` in a query."""
        del req, schema
        [(location, messages)] = error.messages_dict.items()
        if location == "json":
            raise invalid(list(field_errors(messages)))
        raise _invalid_query(messages)
