"""The REST side of idempotency: the header in, the same answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from flask import Response, request
from sqlalchemy.orm import Session

from loyalty import idempotency
from loyalty.errors import Invalid, Problem
from loyalty.idempotency import Answer
from loyalty.idempotency.rules import input_hash
from loyalty.web.auth import operation
from loyalty.web.problems import MEDIA_TYPE, document

_MAX_KEY_LENGTH = 255
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
        return _response(_told(status, act()))
    answer = idempotency.once(
        session,
        operation=operation(),
        key=key,
        input_hash=input_hash([request.view_args or {}, given]),
        act=lambda: _told(status, act()),
        refuse=lambda problem: _told(problem.status, document(problem)),
        at=at,
    )
    return _response(answer)


def _key(*, required: bool) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if not key:
        if required:
            raise IdempotencyKeyMissing
        return None
    if len(key) > _MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise Invalid.field(
            "Idempotency-Key", "malformed", "1 to 255 printable ASCII characters are expected."
        )
    return key


def _told(status: int, told: Mapping[str, Any]) -> Answer:
    return Answer(status, orjson.dumps(told).decode())


def _response(answer: Answer) -> Response:
    mimetype = "application/json" if answer.status < _FIRST_ERROR else MEDIA_TYPE
    response = Response(answer.body, answer.status, mimetype=mimetype)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
