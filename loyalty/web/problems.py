"""Every refusal leaves through here, as RFC 9457 problem+json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Flask, Response
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from loyalty import metrics
from loyalty.errors import NotFound, Problem, every_problem
from loyalty.logs import logger, request_id
from loyalty.tenants.principal import Unauthenticated
from loyalty.web.body import UnsupportedMediaType
from loyalty.web.database_errors import as_problem
from loyalty.web.fields import Integer, ListOf, Part, Schema, Text
from loyalty.web.strict_json import Unreadable

MEDIA_TYPE = "application/problem+json"
_SERVER_ERROR = 500
_REDIRECTION, _CLIENT_ERROR = 300, 400

log = logger(__name__)


class MethodNotAllowed(Problem):
    """405: the path is there, the method is not."""

    status = 405
    code = "method_not_allowed"
    title = "This method is not allowed here"
    cure = "Use one of the methods in the `Allow` header."


class BodyTooLarge(Problem):
    """413: more than is read."""

    status = 413
    code = "body_too_large"
    title = "The body is too large"
    cure = "Send at most 64 KiB; a batch of earns at most 5 MiB."


class UriTooLong(Problem):
    """414: more than is read."""

    status = 414
    code = "uri_too_long"
    title = "The path is too long"
    cure = "Send a shorter path and query."


_OF_THE_FRAMEWORK: Mapping[int, type[Problem]] = {
    problem.status: problem
    for problem in (
        Unreadable,
        Unauthenticated,
        NotFound,
        MethodNotAllowed,
        BodyTooLarge,
        UriTooLong,
        UnsupportedMediaType,
    )
}


class FieldErrorSchema(Schema):
    """One value that was refused."""

    pointer = Text(
        least=0, most=1000, required=True, metadata={"description": "RFC 6901, or `?name`."}
    )
    code = Text(required=True)
    detail = Text(most=2000, required=True)


class ProblemSchema(Schema):
    """RFC 9457: what was refused, why, and by `type` how to mend it."""

    type = Text(required=True, metadata={"examples": ["/problems/not_found"]})
    title = Text(required=True)
    status = Integer(required=True, least=400, most=599)
    detail = Text(most=2000, required=True)
    code = Text(required=True, metadata={"description": "Stable: program against this one."})
    errors = ListOf(Part(FieldErrorSchema), most=50)
    request_id = Text(metadata={"description": "Of a 5xx: tell it to the operator."})


def document(problem: Problem) -> dict[str, Any]:
    """The problem as it is told to the caller."""
    told: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.errors:
        told["errors"] = [
            {"pointer": error.pointer, "code": error.code, "detail": error.detail}
            for error in problem.errors
        ]
    if problem.status >= _SERVER_ERROR:
        told["request_id"] = request_id.get()
    return told


def respond(problem: Problem) -> Response:
    """The one rendering of a refusal."""
    response = Response(orjson.dumps(document(problem)), problem.status, mimetype=MEDIA_TYPE)
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == Unauthenticated.status:
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem.status >= _SERVER_ERROR:
        metrics.failed(problem.code)
    return response


def _of_the_framework(error: HTTPException) -> Response:
    status = error.code or _SERVER_ERROR
    if _REDIRECTION <= status < _CLIENT_ERROR:
        return error.get_response()  # type: ignore[return-value]  # werkzeug's own is one to Flask
    kind = _OF_THE_FRAMEWORK.get(status)
    if kind is None:
        kind = Unreadable if status < _SERVER_ERROR else Problem
    response = respond(kind())
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _of_the_database(error: SQLAlchemyError) -> Response:
    problem = as_problem(error)
    if problem is None:
        return _unforeseen(error)
    log.warning("the database did not answer", error=str(error.__cause__ or error)[:300])
    return respond(problem)


def _unforeseen(error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    return respond(Problem())


def _page(code: str) -> dict[str, Any]:
    """What a problem means and how to mend it."""
    for kind in every_problem():
        if kind.code == code:
            told = {"code": code, "title": kind.title, "status": kind.status, "cure": kind.cure}
            return {"type": f"/problems/{code}", **told}
    raise NotFound(f"There is no problem {code!r}.")


def _pages() -> dict[str, Any]:
    """Every problem that there is."""
    codes = sorted({kind.code for kind in every_problem()})
    return {"data": [_page(code) for code in codes]}


def install(app: Flask) -> None:
    """Renders whatever the app raises, and serves the pages that `type` points at."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(HTTPException, _of_the_framework)
    app.register_error_handler(SQLAlchemyError, _of_the_database)
    app.register_error_handler(Exception, _unforeseen)
    app.add_url_rule("/problems", "problems", _pages)
    app.add_url_rule("/problems/<code>", "problem", _page)
