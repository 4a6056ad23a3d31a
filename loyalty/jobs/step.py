"""What a kind of job is: a step that does one batch and says how far that came.

A step writes in the transaction of its batch and never commits; the frame moves the cursor there
too, so a row is done exactly once, whoever is killed. It does what a second or so is enough for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg2
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Problem, Unavailable

_MOST_DETAIL = 1000
ROWS_FAULT = (psycopg2.DataError, psycopg2.IntegrityError, psycopg2.InternalError)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its step sees it; `cursor` is what the batch before returned, None at the start."""

    id: UUID
    program_id: int | None
    input: Mapping[str, Any]
    cursor: Mapping[str, Any] | None
    done: int
    reason: str | None
    actor: str
    request_id: str | None

    def by(self, at: datetime) -> By:
        """Who the batch acts for."""
        return By(self.actor, self.request_id, at)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that could not be done. `place` is its number within the job, `subject` whom or what
    it is about."""

    place: int
    subject: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch came to: of the `done` rows so many were `changed`, and these `refused`.

    The next one goes on from `cursor` (what JSON can hold); None: the job is at its end. `total`
    says how many rows there are, by the step that has counted them.
    """

    cursor: Mapping[str, Any] | None
    done: int = 0
    changed: int = 0
    refused: Sequence[Refused] = ()
    total: int | None = None


Step = Callable[[Session, Job, datetime], Batch]


def attempt(session: Session, place: int, subject: str, act: Callable[[], bool]) -> bool | Refused:
    """Does one row in a savepoint: whether `act` changed something, or why it could not be done.

    What is no fault of the row (a deadlock, a connection, a bug) is raised, and ends the batch.
    """
    try:
        with session.begin_nested():
            changed = act()
            session.flush()
    except Unavailable:
        raise
    except Problem as problem:
        return Refused(place, subject, problem.code, problem.detail[:_MOST_DETAIL])
    except DBAPIError as error:
        if not isinstance(error.orig, ROWS_FAULT):
            raise
        detail = str(error.orig).partition("\n")[0][:_MOST_DETAIL]
        return Refused(place, subject, "not_possible", detail)
    return changed
