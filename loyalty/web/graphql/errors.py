"""Errors as the caller sees them: REST's problems in `extensions`, and nothing of our insides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError
from sqlalchemy.exc import SQLAlchemyError

from loyalty import metrics
from loyalty.errors import Problem
from loyalty.logs import logger
from loyalty.web.database_errors import as_problem
from loyalty.web.graphql.limits import BadDocument
from loyalty.web.problems import document

log = logger(__name__)

_SERVER_ERROR = 500


def shown(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """The errors with `extensions`: what problem+json has, and `retry_after_s` if there is one."""
    return [_shown(error) for error in errors]


def _shown(error: GraphQLError) -> dict[str, Any]:
    problem = _problem(error)
    told = document(problem)
    message = told.pop("detail")
    if "errors" in told:
        told["errors"] = [{**one, "pointer": _camel(one["pointer"])} for one in told["errors"]]
    if problem.retry_after_s is not None:
        told["retry_after_s"] = problem.retry_after_s
    if problem.status >= _SERVER_ERROR:
        metrics.failed(problem.code)
    shown: dict[str, Any] = {"message": message}
    if error.locations:
        shown["locations"] = [one.formatted for one in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    return {**shown, "extensions": told}


def _problem(error: GraphQLError) -> Problem:
    """The problem that an error is. What was not foreseen is written down here, and not told."""
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        return BadDocument(error.message)
    if isinstance(cause, Problem):
        return cause
    problem = as_problem(cause) if isinstance(cause, SQLAlchemyError) else None
    if problem is None:
        log.error("a field failed", path=error.path, exc_info=cause)
        return Problem()
    log.warning("the database did not answer", error=str(cause.__cause__ or cause)[:300])
    return problem


def _camel(pointer: str) -> str:
    """A pointer of REST's with the names that the schema here has."""
    return "/".join(_camel_step(step) for step in pointer.split("/"))


def _camel_step(step: str) -> str:
    first, *rest = step.split("_")
    return first + "".join(word.capitalize() for word in rest)
