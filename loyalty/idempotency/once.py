"""An act under a key: done once, and told again for as long as the key is kept.

The row of the key is written first and the answer last, in the transaction of the act itself.
So there is no moment in which one exists without the other, whatever is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, Invalid, Problem, Unavailable

_LOCK_NOT_AVAILABLE = "55P03"

# One round trip. Whoever comes second waits on the unique index until the first has ended, for at
# most a second. What stands there afterwards with no status can only be our own row of just now.
_CLAIM = text("""
    SET LOCAL lock_timeout = '1s';
    INSERT INTO idempotency (tenant_id, operation, key, input_hash, created_at)
      VALUES (:tenant_id, :operation, :key, :input_hash, :at) ON CONFLICT DO NOTHING;
    SET LOCAL lock_timeout TO DEFAULT;
    SAVEPOINT before_the_act;
    SELECT input_hash, status, body FROM idempotency
      WHERE tenant_id = :tenant_id AND operation = :operation AND key = :key
""")
_UNDO = text("ROLLBACK TO SAVEPOINT before_the_act")
_ANSWER = text("""
    UPDATE idempotency SET status = :status, body = :body
      WHERE tenant_id = :tenant_id AND operation = :operation AND key = :key
""")


class IdempotencyMismatch(Invalid):
    """422: the key has been used with another input."""

    code = "idempotency_mismatch"
    title = "This key came with another input before"
    cure = "Use a new Idempotency-Key for a new request; repeat a request unchanged."


class IdempotencyInFlight(Conflict):
    """409: the first request with this key is still at work."""

    code = "idempotency_in_flight"
    title = "The first request with this key is still at work"
    cure = "Send the same request again after `Retry-After` seconds."
    business = False
    retry_after_s = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: an HTTP status and the rendered body."""

    status: int
    body: str
    replayed: bool = False


def told_before(
    earlier_hash: bytes, status: int | None, body: str | None, input_hash: bytes
) -> Answer | None:
    """The earlier answer that stands under a key; None when the key is ours now.

    Raises IdempotencyMismatch when another input stands there.
    """
    if bytes(earlier_hash) != input_hash:
        raise IdempotencyMismatch
    return None if status is None or body is None else Answer(status, body, replayed=True)


def in_flight(error: OperationalError) -> bool:
    """Whether a claim failed because the first request with the key is still at work."""
    return getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE


def once(
    session: Session,
    *,
    operation: str,
    key: str,
    input_hash: bytes,
    act: Callable[[], Answer],
    refuse: Callable[[Problem], Answer],
    at: datetime,
) -> Answer:
    """Acts, or tells again what the first request with this key was answered.

    A business refusal undoes what `act` did and is remembered as `refuse` renders it. Anything
    else that is raised remembers nothing, for the caller's transaction ends with it.
    Raises IdempotencyMismatch for another input, IdempotencyInFlight while the first is at work.
    """
    name = {"tenant_id": session.info["tenant_id"], "operation": operation, "key": key}
    earlier = _claim(session, {**name, "input_hash": input_hash, "at": at})
    if earlier is not None:
        return earlier
    try:
        answer = act()
    except Problem as problem:
        if not problem.business:
            raise
        session.execute(_UNDO)
        session.expunge_all()  # or the session would write again at the commit what was undone
        answer = refuse(problem)
    session.execute(_ANSWER, {**name, "status": answer.status, "body": answer.body})
    return answer


def _claim(session: Session, row: dict[str, Any]) -> Answer | None:
    """The earlier answer under this key; None when the key is ours now."""
    try:
        found = session.execute(_CLAIM, row).one_or_none()
    except OperationalError as error:
        if in_flight(error):
            raise IdempotencyInFlight from error
        raise
    if found is None:  # forgotten between the two statements: as if it had never been
        raise Unavailable
    return told_before(found.input_hash, found.status, found.body, row["input_hash"])
