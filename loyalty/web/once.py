"""The REST side of idempotency: the header in, the same answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from flask import Response, request
from sqlalchemy.orm import Session

from loyalty.errors import Invalid, Problem
from loyalty.idempotency.once import Answer
from loyalty.idempotency.once import once as once_per_key
from loyalty.idempotency.rules import input_hash
from loyalty.web.auth import operation
from loyalty.web.problems import MEDIA_TYPE, document
from loyalty.web.resource import KEY_FORM

_FIRST_ERROR = 400


class IdempotencyKeyMissing(Problem):
    """400: this operation moves points and must be repeatable."""

    status = 400
    code = "idempotency_key_missing"
    title = "An Idempotency-Key is needed here"
    cure = "Send `Idempotency-Key: <something unique>`, and the same one when you repeat."


def once(
    session: Session,
    given: object,
    act: Callable[[], Mapping[str, Any]],
    *,
    at: datetime,
    status: int = 201,
    required: bool = True,
) -> Response:
    """Acts once under the request's Idempotency-Key, and answers with what `act` returns.

    `given` is the loaded body; with the path it is the input that a repeat must bring again.
    `act` returns the shaped document. A business refusal becomes the stored answer.
    Raises IdempotencyKeyMissing, IdempotencyMismatch, IdempotencyInFlight, and what `act` raises.
    """
    key = _key(required=required)
    if key is None:
        return respond(told(status, act()))
    return respond(under_key(session, operation(), key, hash_of(given), act, at=at, status=status))


def under_key(
    session: Session,
    operation: str,
    key: str,
    input_hash: bytes,
    act: Callable[[], Mapping[str, Any]],
    *,
    at: datetime,
    status: int,
) -> Answer:
    """The answer of `once`, for who has the key in hand and not in a header."""
    return once_per_key(
        session,
        operation=operation,
        key=key,
        input_hash=input_hash,
        act=lambda: told(status, act()),
        refuse=refused,
        at=at,
    )


def hash_of(given: object, path: Mapping[str, object] | None = None) -> bytes:
    """The hash of what a repeat must bring again: the path, and the loaded body `given`.

    `path` None: the present request's.
    """
    return input_hash([(request.view_args or {}) if path is None else path, given])


def required_key() -> str:
    """The request's Idempotency-Key. Raises IdempotencyKeyMissing, Invalid for a malformed one."""
    key = _key(required=True)
    if key is None:
        raise IdempotencyKeyMissing
    return key


def _key(*, required: bool) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        if required:
            raise IdempotencyKeyMissing
        return None
    if not KEY_FORM.fullmatch(key):
        raise Invalid.field(
            "Idempotency-Key", "malformed", "1 to 255 visible ASCII characters are expected."
        )
    return key


def told(status: int, shown: Mapping[str, Any]) -> Answer:
    """The answer that tells what is shown."""
    return Answer(status, orjson.dumps(shown).decode())


def refused(problem: Problem) -> Answer:
    """The answer that tells a business refusal."""
    return told(problem.status, document(problem))


def respond(answer: Answer) -> Response:
    """The answer as it leaves, now or again."""
    mimetype = "application/json" if answer.status < _FIRST_ERROR else MEDIA_TYPE
    response = Response(answer.body, answer.status, mimetype=mimetype)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
