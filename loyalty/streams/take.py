"""Take: messages become purchases by the very verb that takes a batch over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy.exc import SQLAlchemyError

from loyalty import logs, metrics
from loyalty.errors import Problem, Unavailable
from loyalty.ids import uuid7
from loyalty.programs.cache import cached_program
from loyalty.streams.rules import DeadLetter, Record, dead_letter
from loyalty.tenants.principal import Principal
from loyalty.tenants.roles import Role
from loyalty.transaction import present, transaction
from loyalty.web.body import MAX_BODY_BYTES
from loyalty.web.earns_batch import store_batch
from loyalty.web.problems import BodyTooLarge
from loyalty.web.strict_json import Unreadable, read_json

_REFUSED = frozenset({"conflict", "invalid"})

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Stream:
    """A topic, and whose purchases it holds. `sources` of None lets it speak for any source."""

    topic: str
    tenant_id: int
    program: str
    sources: frozenset[str] | None = None


def take(stream: Stream, records: Sequence[Record]) -> list[DeadLetter]:
    """Stores the purchases among `records`; returns, after the commit, letters for the others.

    Raises Unavailable when Postgres does not answer: then the same call again is right. Raises
    NotFound when the program is gone.
    """
    try:
        return _take(stream, records)
    except Problem:
        raise
    except Exception as error:
        if _passes(error):
            raise Unavailable(f"{type(error).__name__} of Postgres.") from error
        if len(records) > 1:  # one of them trips us: the others must not wait for it
            return [letter for record in records for letter in take(stream, [record])]
        log.exception("a message could not be taken", offset=records[0].offset)
        metrics.streamed(stream.topic, {"invalid": 1})
        told = {"code": Problem.code, "detail": f"Our own fault: {error!r}"}
        return [dead_letter(records[0], told)]


def _passes(error: Exception) -> bool:
    """Whether it is Postgres' state, and not what a message says."""
    if isinstance(error, psycopg2.Error):
        return not isinstance(error, psycopg2.InternalError)
    return isinstance(error, SQLAlchemyError)


def _take(stream: Stream, records: Sequence[Record]) -> list[DeadLetter]:
    logs.request_id.set(str(uuid7()))
    who = Principal(
        tenant_id=stream.tenant_id,
        role=Role.SERVER,
        actor=f"stream:{stream.topic}",
        sources=stream.sources,
    )
    book = cached_program(stream.tenant_id, stream.program, transaction)
    given = [_read(record) for record in records]
    told = store_batch(who, book, given, logs.request_id.get(), present(stream.tenant_id))
    metrics.streamed(stream.topic, told["summary"])
    return [
        dead_letter(record, outcome)
        for record, outcome in zip(records, told["results"], strict=True)
        if outcome["outcome"] in _REFUSED
    ]


def _read(record: Record) -> Any:
    """The JSON value that the message holds, or the problem in its place."""
    if len(record.value or b"") > MAX_BODY_BYTES:
        return BodyTooLarge(f"A purchase is at most {MAX_BODY_BYTES} bytes long.")
    try:
        return read_json(record.value or b"")
    except Unreadable as problem:
        return problem
