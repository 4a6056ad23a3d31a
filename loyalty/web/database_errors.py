"""When Postgres is away, slow, full or in a deadlock, the caller is told to come again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
    TimeoutError,
)

from loyalty.errors import Problem, Unavailable

_DEADLOCK, _SERIALIZATION = "40P01", "40001"

_MOST_DEADLOCKS = 2  # a member who is merged while they buy and burn can be chosen twice

P = ParamSpec("P")
R = TypeVar("R")


def as_problem(error: SQLAlchemyError) -> Problem | None:
    """Unavailable for what passes by itself; None for what is a fault of ours."""
    if isinstance(error, TimeoutError):
        return Unavailable("Every connection to the database is at work.")
    if isinstance(error, (OperationalError, InterfaceError, PendingRollbackError)):
        return Unavailable("The database did not answer in time.")
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Unavailable("The database went away.")
    return None


def again_after_deadlock(view: Callable[P, R]) -> Callable[P, R]:
    """Tries a view that is one transaction again when Postgres chose it to end a deadlock."""

    @wraps(view)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(_MOST_DEADLOCKS):
            try:
                return view(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.orig, "pgcode", None) not in {_DEADLOCK, _SERIALIZATION}:
                    raise
        return view(*args, **kwargs)

    return tried
